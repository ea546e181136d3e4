package cmd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gostore/internal/adopt"
	"gostore/internal/release"
)

// adoptError returns what a result means for the exit status.
func adoptError(r adopt.Result) error {
	switch r.State {
	case adopt.Differs:
		return advise(fmt.Errorf("%s was not adopted: %s", installedName(r.Installed), r.Reason), exitIntegrity,
			"somebody changed these files (go.env perhaps), or they are not of the version that they say; what is locked is downloaded instead")
	case adopt.Failed:
		err := fmt.Errorf("%s: %w", installedName(r.Installed), r.Err)
		if exitCode(err) == exitNetwork {
			return advise(err, 0, "once it was verified, by import-from --dry-run for instance, a proof is kept and no network is needed")
		}
		return err
	}
	return nil
}

// installedName says what was found where.
func installedName(in adopt.Installed) string {
	place := in.Dir
	if place == "" {
		place = in.Zip
	}
	return fmt.Sprintf("%s@%s in %s", in.Tool, in.Version, place)
}

// tellAdopted prints a line for each thing that a manager has, but for what is an error.
func (a *app) tellAdopted(manager, dir string, results []adopt.Result, dryRun bool) {
	if len(results) == 0 {
		a.ui.answer("%s has nothing installed in %s", manager, dir)
	}
	for _, r := range results {
		name := r.Tool + "@" + r.Version
		if r.Tool == goTool && r.Platform != release.Host() {
			name += " for " + r.Platform.String()
		}
		switch r.State {
		case adopt.Adopted:
			word := "adopted"
			if dryRun {
				word = "would be adopted"
			}
			a.ui.answer("%s: %s from %s", name, word, r.From)
		case adopt.Present:
			a.ui.answer("%s: already here, as in %s", name, cmp.Or(r.From, r.Dir, r.Zip))
		case adopt.Unverified:
			a.ui.answer("%s: not verified: %s", name, r.Reason)
			continue
		default:
			continue
		}
		if r.Reason != "" {
			a.ui.warn("%s: %s", name, r.Reason)
		}
		if len(r.Left) > 0 {
			a.ui.note("%s: without %s, which no Go toolchain has", name, firstFew(r.Left))
		}
	}
}

// firstFew names some of many files.
func firstFew(names []string) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more files", strings.Join(names[:few], ", "), len(names)-few)
}

// suggestLocking says how to keep what was adopted. What was here before may be kept by something already.
func (a *app) suggestLocking(found []foundJSON) {
	var names []string
	for _, f := range found {
		name := f.Tool + "@" + f.Version
		if f.State == adopt.Adopted && f.Platform == release.Host().String() && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	if a.goSources()[0] != sourceProxy {
		a.ui.suggest("set GOPROXY to use them: where no module proxy is known, Go comes from go.dev, as other objects")
	}
	a.ui.suggest("nothing keeps them yet; in a project: gostore lock %s", names[len(names)-1])
}

// foundJSON is one thing that a manager has, in the answer of import-from --json.
type foundJSON struct {
	Manager  string      `json:"manager"`
	Root     string      `json:"root"` // of the manager
	Tool     string      `json:"tool"`
	Version  string      `json:"version"`
	Platform string      `json:"platform"`
	State    adopt.State `json:"state"`
	Reason   string      `json:"reason,omitempty"`
	Dir      string      `json:"dir,omitempty"`
	Zip      string      `json:"zip,omitempty"`
	From     string      `json:"from,omitempty"`
	Want     string      `json:"want,omitempty"` // h1
	Got      string      `json:"got,omitempty"`  // h1, where it is another
	Left     []string    `json:"left"`
	Tree     string      `json:"tree,omitempty"`
	Path     string      `json:"path,omitempty"`
}

func asFound(manager, root string, r adopt.Result) foundJSON {
	f := foundJSON{
		Manager: manager, Root: root, Tool: r.Tool, Version: r.Version, Platform: r.Platform.String(), State: r.State, Reason: r.Reason,
		Dir: r.Dir, Zip: r.Zip, From: r.From, Left: orEmpty(r.Left), Path: r.Path,
	}
	if !r.Want.IsZero() {
		f.Want = r.Want.String()
	}
	if !r.Got.IsZero() {
		f.Got = r.Got.String()
	}
	if !r.Tree.IsZero() {
		f.Tree = r.Tree.String()
	}
	return f
}
