package doctor

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"strings"
	"time"
)

var selfProbe = Probe{
	Name: "gostore", About: "gostore itself: which one is started, and from where",
	Kinds: []Kind{
		{"gostore-twice", "several gostores of different versions are on PATH"},
		{"gostore-other", "the gostore on PATH is another one than this"},
		{"gostore-removed", "the file of this gostore is not there any more"},
		{"gostore-dynamic", "this gostore was built with cgo and needs a libc"},
	},
	run: func(ctx context.Context, h *Host) []Finding {
		if h.Self == "" {
			return nil
		}
		found := append(h.removed(), h.otherSelves(ctx)...)
		return append(found, h.dynamic()...)
	},
}

func (h *Host) removed() []Finding {
	path, deleted := strings.CutSuffix(h.Self, " (deleted)")
	if !deleted && exists(path) {
		return nil
	}
	return []Finding{{
		ID: "gostore-removed", Severity: Warning, Subject: path, Evidence: []string{h.short(path) + " is not there"},
		Title: "the file of this gostore was removed or replaced while it runs: shims and hooks that name it fail", Mend: []string{"# install gostore again, then: gostore shims"},
	}}
}

// versionLimit is how long a gostore may take to tell its version.
const versionLimit = 5 * time.Second

// otherSelves asks the gostores on PATH for their versions.
func (h *Host) otherSelves(ctx context.Context) []Finding {
	hits := h.onPath("gostore")
	if len(hits) == 0 || h.Run == nil {
		return nil
	}
	seen := map[string]bool{}
	versions := map[string]bool{}
	var evidence []string
	for _, p := range hits {
		if seen[p.real] {
			continue
		}
		seen[p.real] = true
		version := h.Version
		if p.real != realPath(h.Self) {
			version = h.askVersion(ctx, p)
		}
		versions[version] = true
		evidence = append(evidence, fmt.Sprintf("%s is %s", h.short(p.path), version))
	}
	f := Finding{Severity: Warning, Subject: "gostore", Evidence: append(evidence, fmt.Sprintf("this one is %s, %s", h.short(h.Self), h.Version))}
	switch {
	case len(versions) > 1:
		f.ID, f.Title = "gostore-twice", "several gostores of different versions are on PATH: scripts and people start different ones"
		for _, p := range hits[1:] {
			if p.real != hits[0].real {
				f.Mend = append(f.Mend, "rm "+quote(p.path))
			}
		}
	case !versions[h.Version]:
		f.ID, f.Title = "gostore-other", "the gostore on PATH is of another version than this one"
		f.Mend = []string{"ln -sf " + quote(h.Self) + " " + quote(hits[0].path)}
	default:
		return nil
	}
	return []Finding{f}
}

func (h *Host) askVersion(ctx context.Context, p hit) string {
	out, err := h.Run(ctx, versionLimit, h.Environ, p.path, "version")
	words := strings.Fields(out.Stdout)
	if err != nil || out.Status != 0 || len(words) < 2 {
		return "of a version that it does not tell"
	}
	return words[1]
}

// dynamic looks whether this program names a dynamic loader.
func (h *Host) dynamic() []Finding {
	f, err := os.Open(h.Self)
	if err != nil {
		return nil
	}
	defer f.Close()
	program, err := elf.NewFile(f)
	if err != nil {
		return nil // of another system than Linux
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			return []Finding{{
				ID: "gostore-dynamic", Severity: Note, Subject: h.Self, Evidence: []string{h.short(h.Self) + " names a dynamic loader"},
				Title: "this gostore was built with cgo: it does not start on machines with an older libc, or with musl", Mend: []string{"# build it with CGO_ENABLED=0"},
			}}
		}
	}
	return nil
}
