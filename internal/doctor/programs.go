package doctor

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"gostore/internal/loader"
)

var programsProbe = Probe{
	Name: "programs", About: "whether the installed tools can start here: processor, dynamic loader, libraries, glibc",
	Kinds: programKinds,
	run: func(ctx context.Context, h *Host) []Finding {
		var found []Finding
		for _, t := range h.Tools {
			if ctx.Err() != nil {
				break
			}
			found = append(found, h.faultsOf(t)...)
		}
		return found
	},
}

var programKinds = []Kind{
	{"program-architecture", "a tool is for another processor"},
	{"program-loader", "the dynamic loader that a tool needs is not on this system, which may be musl's or NixOS"},
	{"program-library", "a library that a tool needs is not there"},
	{"program-libc", "a tool was linked against a newer glibc, or another library, than this system has"},
	{"program-script", "a tool is a script whose interpreter is not there"},
}

// faultsOf says why programs of a tool would not start; of many programs with one fault the first ones are named.
func (h *Host) faultsOf(t Tool) []Finding {
	byID := map[string][]loader.Fault{}
	for i, program := range slices.Concat(t.Programs, t.Parts) {
		faults, err := h.Loader.Check(program, t.Dir)
		if err != nil {
			continue // what is damaged or gone is for the store's probe
		}
		for _, f := range faults {
			id := idOf(f)
			if id == "program-script" && i >= len(t.Programs) {
				continue // scripts that a toolchain brings along for its own developers
			}
			byID[id] = append(byID[id], f)
		}
	}
	var found []Finding
	for _, k := range programKinds {
		if faults := byID[k.ID]; faults != nil {
			found = append(found, h.aboutFaults(t, k.ID, faults))
		}
	}
	return found
}

func idOf(f loader.Fault) string {
	switch f.Kind {
	case loader.Architecture:
		return "program-architecture"
	case loader.Library:
		return "program-library"
	case loader.SymbolSet:
		return "program-libc"
	}
	if isScript(f) {
		return "program-script"
	}
	return "program-loader"
}

// isScript reports whether a missing interpreter is a script's: the dynamic loaders of Linux and the BSDs are all called ld-something.
func isScript(f loader.Fault) bool {
	base := filepath.Base(f.Name)
	return len(base) < 3 || base[:3] != "ld-" && base[:3] != "ld."
}

func (h *Host) aboutFaults(t Tool, id string, faults []loader.Fault) Finding {
	f := Finding{ID: id, Severity: Problem, Subject: t.Label}
	for _, fault := range faults {
		f.Evidence = append(f.Evidence, h.tell(t, fault))
	}
	f.Evidence = few(slices.Compact(f.Evidence))
	one := faults[0]
	switch id {
	case "program-architecture":
		f.Title = fmt.Sprintf("%s is for %s, and this is %s: \"exec format error\"", t.Label, one.Name, one.Has)
		f.Mend = []string{"gostore lock --update " + nameOf(t.Label)}
	case "program-loader":
		f.Title = fmt.Sprintf("%s needs the dynamic loader %s, which is not here: \"no such file or directory\"", t.Label, one.Name)
		f.Mend = h.getLoader()
	case "program-library":
		f.Title = fmt.Sprintf("%s needs the library %s, which is not here", t.Label, one.Name)
		f.Mend = []string{"# install the package that has " + one.Name + "; to find it: apt-file search " + one.Name + ", or dnf provides '*/" + one.Name + "'"}
	case "program-libc":
		f.Title = fmt.Sprintf("%s needs %s, and the newest that %s here has is %s", t.Label, loader.Highest(faults), filepath.Base(one.In), orNone(one.Has))
		f.Mend = []string{"# an older release of the tool may run here: gostore tools " + nameOf(t.Label), "# or a newer release of this system, or a container of one"}
	case "program-script":
		f.Title = fmt.Sprintf("%s is a script for %q, which is not here: \"bad interpreter\"", t.Label, one.Name)
		f.Mend = []string{"# install " + filepath.Base(one.Name) + ", or link it to " + one.Name}
	}
	return f
}

// tell writes a fault as a line of evidence.
func (h *Host) tell(t Tool, f loader.Fault) string {
	by := f.By
	if rel, err := filepath.Rel(t.Dir, f.By); err == nil {
		by = rel
	}
	switch f.Kind {
	case loader.SymbolSet:
		return fmt.Sprintf("%s wants %s of %s, which has up to %s", by, f.Name, f.In, orNone(f.Has))
	case loader.Architecture:
		return fmt.Sprintf("%s is for %s", by, f.Name)
	}
	return fmt.Sprintf("%s names %s", by, f.Name)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// nameOf returns the tool of NAME@VERSION.
func nameOf(label string) string {
	for i := len(label) - 1; i > 0; i-- {
		if label[i] == '@' {
			return label[:i]
		}
	}
	return label
}

// getLoader says how to come to a dynamic loader of glibc.
func (h *Host) getLoader() []string {
	if h.Loader.Musl() {
		return []string{"# this system's C library is musl; tools for glibc need a layer of compatibility: apk add gcompat", "# or a build for musl, or a tool that is linked statically"}
	}
	return []string{"# on NixOS: programs.nix-ld.enable = true", "# elsewhere: install glibc (libc6)"}
}
