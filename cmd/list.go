package cmd

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"gostore/internal/environment"
	"gostore/profile"
	"gostore/store"
)

func (a *app) listCommand() *cobra.Command {
	var name string
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the tools of the project and of the profile, and the objects in the store",
		Example: `  gostore list
  gostore list --json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.list(c.Context(), name, asJSON) },
	}
	a.profileFlag(c, &name)
	jsonFlag(c, &asJSON)
	return c
}

// listing is the answer of "gostore list".
type listing struct {
	Project *projectListing `json:"project"` // null outside of projects
	Profile *profileListing `json:"profile"` // null without a current generation
	Store   string          `json:"store"`
	Objects []objectListing `json:"objects"`
}

type projectListing struct {
	Lock  string       `json:"lock"`
	Tools []lockedTool `json:"tools"`
}

type lockedTool struct {
	Tool      string `json:"tool"`
	Version   string `json:"version"`
	Request   string `json:"request"`
	Extra     bool   `json:"extra"`
	Platforms int    `json:"platforms"`
	Installed bool   `json:"installed"` // for this platform
}

type profileListing struct {
	Name       string     `json:"name"`
	Generation int        `json:"generation"`
	Tools      []toolJSON `json:"tools"`
}

type objectListing struct {
	Tree    string    `json:"tree"`
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Size    int64     `json:"size"` // bytes of content
	Files   int       `json:"files,omitempty"`
	Added   time.Time `json:"added"`
	From    string    `json:"from,omitempty"`
	Layer   string    `json:"layer,omitempty"`   // the store below this one that has it
	Problem string    `json:"problem,omitempty"` // why it cannot be used
}

func (a *app) list(ctx context.Context, profileName string, asJSON bool) error {
	p, err := a.settledProfile(ctx, profileName)
	if err != nil {
		return err
	}
	l := listing{Store: a.st.Dir(), Objects: []objectListing{}}
	if l.Project, err = a.listProject(); err != nil {
		return err
	}
	if l.Profile, err = listProfile(p); err != nil {
		return err
	}
	objects, err := a.st.Objects()
	if err != nil {
		return err
	}
	for _, o := range sorted(objects) {
		info, err := a.st.Info(o.Tree)
		if errors.Is(err, fs.ErrNotExist) {
			continue // collected meanwhile
		}
		if err != nil {
			return err
		}
		d := describeObject(info)
		if err := a.st.Usable(o); err != nil && info.Layer != "" {
			d.Problem = err.Error()
		}
		l.Objects = append(l.Objects, d)
	}
	if asJSON {
		return a.ui.answerJSON(l)
	}
	a.printListing(l)
	return nil
}

func describeObject(info store.Info) objectListing {
	return objectListing{info.Tree.String(), info.Name, info.Object.Version, info.Size, info.Files, info.Added, info.From, info.Layer, ""}
}

func (a *app) listProject() (*projectListing, error) {
	p, err := a.lockedProject()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, missing, _, err := a.projectTools()
	if err != nil {
		return nil, err
	}
	absent := map[string]bool{}
	for _, t := range missing {
		absent[t.Name+"@"+t.Version] = true
	}
	l := &projectListing{Lock: p.path, Tools: []lockedTool{}}
	for _, t := range p.file.Tools {
		l.Tools = append(l.Tools, lockedTool{
			t.Name, t.Version, t.Request, t.Extra, len(t.Platforms), !absent[t.Name+"@"+t.Version],
		})
	}
	return l, nil
}

func listProfile(p *profile.Profile) (*profileListing, error) {
	g, err := p.Tools()
	var none *profile.NoGenerationError
	if errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &profileListing{p.Name(), g.Number, toolsJSON(environment.Environment{Tools: g.Tools})}, nil
}

func (a *app) printListing(l listing) {
	if l.Project != nil {
		a.ui.answer("project %s", a.short(l.Project.Lock))
		var rows [][]string
		for _, t := range l.Project.Tools {
			rows = append(rows, []string{"  " + t.Tool, t.Version, t.Tool + "@" + t.Request, role(t.Extra), installedWord(t.Installed)})
		}
		a.ui.table(rows)
	}
	if l.Profile != nil {
		a.ui.answer("profile %s, generation %d", l.Profile.Name, l.Profile.Generation)
		var rows [][]string
		for _, t := range l.Profile.Tools {
			rows = append(rows, []string{"  " + t.Tool, t.Version, t.Request, role(t.Extra)})
		}
		a.ui.table(rows)
	}
	var total int64
	var rows [][]string
	for _, o := range l.Objects {
		if o.Layer == "" {
			total += o.Size
		}
		rows = append(rows, []string{"  " + o.Tree[len("b3:"):][:12], o.Name, o.Version, size(o.Size), when(o.Added), layerWord(o)})
	}
	a.ui.answer("store %s: %s, %s", l.Store, count(len(l.Objects), "object"), size(total))
	a.ui.table(rows, 3)
	a.tellAsides()
}

func role(extra bool) string {
	if extra {
		return "extra"
	}
	return ""
}

// layerWord says where an object lies that is not the store's own.
func layerWord(o objectListing) string {
	switch {
	case o.Problem != "":
		return "cannot be used: " + o.Problem
	case o.Layer != "":
		return "in " + o.Layer
	}
	return ""
}

func installedWord(installed bool) string {
	if installed {
		return "installed"
	}
	return "not installed"
}
