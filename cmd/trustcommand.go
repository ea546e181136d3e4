package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gostore/internal/config"
	"gostore/internal/journal"
	"gostore/internal/project"
	"gostore/internal/trust"
	"gostore/lock"
)

// trustOptions are the flags of "gostore trust".
type trustOptions struct{ revoke, list, dryRun, json bool }

func (a *app) trustCommand() *cobra.Command {
	var o trustOptions
	c := &cobra.Command{
		Use:   "trust [DIR]",
		Short: "Let hooks and shims follow a project",
		Long: `Shows what the project around DIR, or around the working directory, would have hooks and shims do, and
records that they may do it: tools, variables, and what its gostore.toml says of where tools come from.
From then on they follow the project, also when its files change.

"gostore lock" trusts a project whose lock it writes. Directories in "trust" of your configuration, and in
GOSTORE_TRUST, are trusted with everything below them. What you say yourself, such as "gostore shell", needs no trust.`,
		Example: `  gostore trust
  gostore trust ~/src/old-project
  gostore trust --list
  gostore trust --revoke`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("trust takes one directory; %d given", len(args))
			}
			return a.trust(args, o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.revoke, "revoke", false, "take the trust back")
	f.BoolVar(&o.list, "list", false, "list what is trusted")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the project and record nothing")
	jsonFlag(c, &o.json)
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return c
}

func (a *app) trust(args []string, o trustOptions) error {
	if o.list && (o.revoke || o.dryRun || len(args) > 0) || o.revoke && o.dryRun {
		return usagef("--list, --revoke and --dry-run do not go together, and --list takes no directory")
	}
	st, err := a.openStore()
	if err != nil {
		return err
	}
	list := a.cfg.trusted(st)
	if _, err := config.Read(a.cfg.getenv); err != nil { // otherwise it would silently trust less than it says
		return err
	}
	dir := a.cfg.Dir
	if len(args) > 0 {
		dir = a.cfg.abs(args[0])
	}
	switch {
	case o.list:
		return a.listTrust(list, o.json)
	case o.revoke:
		return a.revokeTrust(list, dir, o.json)
	}
	return a.addTrust(list, dir, o)
}

// trustJSON is the answer of trust --json: what a project would have hooks and shims do.
type trustJSON struct {
	Project     string         `json:"project"`
	Trusted     bool           `json:"trusted"`
	Changed     bool           `json:"changed"`
	Tools       []trustedTool  `json:"tools"`
	Variables   []trustedValue `json:"variables"`
	Definitions []string       `json:"definitions"`
	Sources     []trustedValue `json:"sources"`
	Mirrors     []string       `json:"mirrors"`
	Foreign     []foreignFile  `json:"foreign"`
}

type trustedTool struct {
	Tool    string `json:"tool"`
	Version string `json:"version"`
	Source  string `json:"source"`
	From    string `json:"from,omitempty"` // where the source does not say it
}

type trustedValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Unset bool   `json:"unset,omitempty"`
}

// foreignFile is a file of the project that belongs to another user, who can change it at any time.
type foreignFile struct {
	Path  string `json:"path"`
	Owner string `json:"owner"`
}

func (a *app) addTrust(list trust.List, dir string, o trustOptions) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	p, err := project.Find(dir)
	if errors.Is(err, project.ErrNone) {
		return advise(err, exitNotFound, "name the project's directory: gostore trust DIR")
	}
	if err != nil {
		return err
	}
	about, err := describeTrust(p)
	if err != nil {
		return err
	}
	about.Trusted = list.Trusts(p.Dir)
	if !o.dryRun {
		record := a.record("trust")
		record.Project = p.LockPath()
		if about.Changed, err = list.Add(p.Dir, time.Now()); err != nil {
			return err
		}
		if !about.Changed {
			record.Outcome = journal.Unchanged
		}
		about.Trusted = true
	}
	for _, f := range about.Foreign {
		a.ui.warn("%s belongs to %s, who can change it at any time", a.cfg.home(f.Path), f.Owner)
	}
	if o.json {
		return a.ui.answerJSON(about)
	}
	a.ui.table(about.rows())
	words := map[bool]string{true: "trusted now: %s", false: "trusted already: %s"}[about.Changed]
	if o.dryRun {
		words = map[bool]string{true: "trusted already: %s", false: "not trusted: %s"}[about.Trusted]
	}
	a.ui.answer(words, a.cfg.home(p.Dir))
	return nil
}

// describeTrust reads all that a project says to hooks, shims, and to commands that obtain its tools.
func describeTrust(p project.Project) (trustJSON, error) {
	about := trustJSON{
		Project: p.Dir, Tools: []trustedTool{}, Variables: []trustedValue{}, Definitions: []string{},
		Sources: []trustedValue{}, Mirrors: []string{}, Foreign: foreignFiles(p),
	}
	f, _, err := readLock(p)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return about, err
	}
	for _, t := range f.Tools {
		about.Tools = append(about.Tools, trustedTool{t.Name, t.Version, t.Source, placeOf(t)})
	}
	if p.Config == "" {
		return about, nil
	}
	if _, err := p.Asks(); err != nil { // complains of what a project may not say
		return about, err
	}
	settings, err := p.Settings()
	if err != nil {
		return about, err
	}
	for _, v := range settings.Env {
		about.Variables = append(about.Variables, trustedValue{v.Name, v.In(p.Dir), v.Unset})
	}
	own, err := projectConfigOf(p)
	if err != nil {
		return about, err
	}
	for _, d := range own.Tools {
		about.Definitions = append(about.Definitions, d.Name)
	}
	for _, tool := range slices.Sorted(maps.Keys(own.Sources)) {
		about.Sources = append(about.Sources, trustedValue{Name: tool, Value: own.Sources[tool]})
	}
	for _, m := range own.Mirrors {
		about.Mirrors = append(about.Mirrors, m.Prefix+" -> "+strings.Join(m.To, " "))
	}
	return about, nil
}

// placeOf returns where a tool comes from if its source does not say whose it is.
func placeOf(t lock.Tool) string {
	if t.Source != sourceURL && t.Source != sourcePath {
		return ""
	}
	for _, archive := range t.Platforms {
		return archive.From
	}
	return ""
}

// rows returns the project as a table for people. What is a stranger's is quoted where it could disturb a terminal.
func (t trustJSON) rows() [][]string {
	var rows [][]string
	add := func(kind, name, value string) { rows = append(rows, []string{kind, plain(name), plain(value)}) }
	for _, tool := range t.Tools {
		add("tool", tool.Tool+"@"+tool.Version, strings.TrimSpace("from "+tool.Source+" "+tool.From))
	}
	for _, v := range t.Variables {
		switch {
		case v.Unset:
			add("variable", v.Name, "(not set)")
		case v.Value == "":
			add("variable", v.Name, "(empty)")
		default:
			add("variable", v.Name, v.Value)
		}
	}
	for _, name := range t.Definitions {
		add("definition", name, "")
	}
	for _, s := range t.Sources {
		add("source", s.Name, s.Value)
	}
	for _, m := range t.Mirrors {
		add("mirror", m, "")
	}
	return rows
}

// foreignFiles returns what of a project belongs neither to the user nor to root.
func foreignFiles(p project.Project) []foreignFile {
	foreign := []foreignFile{}
	for _, path := range []string{p.Dir, p.Lock, p.Config} {
		info, err := os.Stat(path)
		if path == "" || err != nil {
			continue
		}
		uid := info.Sys().(*syscall.Stat_t).Uid
		if uid == 0 || int(uid) == os.Geteuid() {
			continue
		}
		foreign = append(foreign, foreignFile{path, userName(int(uid))})
	}
	return foreign
}

// userName returns the name of an account, or its number where it has none.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(uid)
}

func (a *app) revokeTrust(list trust.List, dir string, asJSON bool) error {
	if p, err := project.Find(dir); err == nil {
		dir = p.Dir
	}
	record := a.record("trust")
	record.Project, record.Detail = filepath.Join(dir, lock.Name), "revoked"
	err := list.Remove(dir)
	folder := list.Folder(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && folder != "":
		return advise(fmt.Errorf("%q is trusted because %q is, which your configuration says", dir, folder), exitFailed,
			"take that directory out of \"trust\" in your configuration, or out of GOSTORE_TRUST")
	case errors.Is(err, fs.ErrNotExist):
		return advise(fmt.Errorf("%q is not trusted", dir), exitNotFound, `"gostore trust --list" lists what is`)
	case err != nil:
		return err
	case folder != "":
		a.ui.warn("your configuration still trusts it, with all of %s", a.cfg.home(folder))
	}
	if asJSON {
		return a.ui.answerJSON(map[string]any{"project": dir, "trusted": folder != "", "changed": true})
	}
	a.ui.answer("trusted no longer: %s", a.cfg.home(dir))
	return nil
}

// trustListing is a line of trust --list.
type trustListing struct {
	Dir   string     `json:"dir"`
	By    string     `json:"by"` // "command", or "configuration" with all that is below
	Since *time.Time `json:"since,omitempty"`
}

func (a *app) listTrust(list trust.List, asJSON bool) error {
	projects, err := list.All()
	if err != nil {
		return err
	}
	all := []trustListing{}
	for _, folder := range list.Folders() {
		all = append(all, trustListing{Dir: folder, By: "configuration"})
	}
	for _, p := range projects {
		all = append(all, trustListing{p.Dir, "command", &p.Since})
	}
	if asJSON {
		return a.ui.answerJSON(all)
	}
	if len(all) == 0 {
		a.ui.note("nothing is trusted")
		return nil
	}
	rows := [][]string{{"PROJECT", "TRUSTED"}}
	for _, l := range all {
		row := []string{a.cfg.home(filepath.Join(l.Dir, "…")), "with everything in it, as the configuration says"}
		if l.Since != nil {
			row = []string{a.cfg.home(l.Dir), "since " + l.Since.Local().Format(time.DateOnly)}
		}
		rows = append(rows, row)
	}
	a.ui.table(rows)
	return nil
}
