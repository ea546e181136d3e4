package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"gostore/internal/textfile"
)

var rootsProbe = Probe{
	Name: "roots", About: "what keeps objects in the store without anybody using them",
	Kinds: []Kind{
		{"root-gone", "a registered project's lock is not there any more, and still keeps objects"},
		{"root-unreadable", "a registered project's lock cannot be understood, and keeps what it was last seen to need"},
		{"root-damaged", "a record of a project is damaged, and no collection takes place until it is mended"},
		{"generations-old", "generations of a profile from long ago keep objects"},
		{"leftovers", "interrupted work left much behind"},
	},
	run: func(ctx context.Context, h *Host) []Finding {
		kept := Kept{}
		if h.Kept != nil {
			kept, _ = h.Kept(ctx) // without it the sizes are not known; why not, the store's probe and root-damaged say
		}
		return slices.Concat(h.projects(kept), h.generations(kept), h.leftovers(kept))
	},
}

const (
	generationAge  = 180 * 24 * time.Hour
	goneGrace      = 14 * 24 * time.Hour // a disk that is away for a week is not gone
	leftoversNoted = 256 << 20
)

func (h *Host) projects(kept Kept) []Finding {
	if h.Registered == nil {
		return nil
	}
	var found []Finding
	for _, r := range h.Registered() {
		if f, ok := h.aboutProject(r, kept); ok {
			found = append(found, f)
		}
	}
	return found
}

func (h *Host) aboutProject(r Registered, kept Kept) (Finding, bool) {
	dir := filepath.Dir(r.Lock)
	alone := kept.Alone["project "+r.Lock]
	f := Finding{Subject: r.Lock, Severity: Warning, Mend: []string{"gostore roots --forget " + quote(dir)}}
	f.Evidence = []string{fmt.Sprintf("last used %s; it alone keeps %s", r.Used.Local().Format(time.DateOnly), amount(alone))}
	var syntax *textfile.Error
	switch {
	case r.RecordErr != nil:
		return Finding{
			ID: "root-damaged", Severity: Problem, Subject: "roots", Evidence: lines(r.RecordErr), Title: "the record of a project cannot be understood: gostore gc removes nothing while it is there",
			Mend: []string{"# use the project once more, or remove the file: then its objects can go"},
		}, true
	case r.LockErr == nil:
		return f, false
	case errors.Is(r.LockErr, fs.ErrNotExist):
		f.ID, f.Title = "root-gone", fmt.Sprintf("the lock of the project in %s is not there, and its objects are kept", h.short(dir))
		if h.Now.Sub(r.Used) < goneGrace || alone == 0 {
			f.Severity = Note
		}
		if !exists(dir) {
			f.Evidence = append(f.Evidence, "nor is the directory; if its disk is only away, nothing has to be done")
		}
	case errors.As(r.LockErr, &syntax):
		f.ID, f.Title = "root-unreadable", fmt.Sprintf("the lock of the project in %s cannot be understood, and what it needed before is kept", h.short(dir))
		f.Evidence = append(lines(r.LockErr), f.Evidence...)
		f.Mend = append([]string{edit(syntax.File, max(1, syntax.Line))}, f.Mend...)
	default:
		f.ID, f.Title = "root-unreadable", fmt.Sprintf("the lock of the project in %s cannot be read, and what it needed before is kept", h.short(dir))
		f.Evidence = append(lines(r.LockErr), f.Evidence...)
	}
	return f, true
}

func (h *Host) generations(kept Kept) []Finding {
	var found []Finding
	for _, p := range h.Profiles {
		old, size := 0, int64(0)
		for _, g := range p.Generations {
			if g.Number != p.Current && !g.Made.IsZero() && h.Now.Sub(g.Made) > generationAge {
				old++
				size += kept.Alone[fmt.Sprintf("profile %s generation %d", p.Name, g.Number)]
			}
		}
		if old == 0 || size == 0 {
			continue
		}
		found = append(found, Finding{
			ID: "generations-old", Severity: Note, Subject: p.Name, Mend: []string{"gostore gc --older-than 180d --keep 3 --dry-run"},
			Title:    fmt.Sprintf("%d generations of profile %s are older than half a year", old, p.Name),
			Evidence: []string{fmt.Sprintf("they alone keep %s", amount(size))},
		})
	}
	return found
}

func (h *Host) leftovers(kept Kept) []Finding {
	if kept.Leftovers < leftoversNoted {
		return nil
	}
	return []Finding{{
		ID: "leftovers", Severity: Note, Subject: h.Root, Mend: []string{"gostore gc"}, Evidence: []string{amount(kept.Leftovers) + " of disk"},
		Title: "interrupted downloads and collections left much behind",
	}}
}
