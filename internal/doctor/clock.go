package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gostore/internal/fetch"
)

var clockProbe = Probe{
	Name: "clock", About: "whether this machine's clock is right",
	Kinds: []Kind{
		{"clock-wrong", "the clock differs from those of the servers that are asked"},
		{"clock-behind", "the clock is behind the newest file of the store"},
	},
	run: func(ctx context.Context, h *Host) []Finding {
		return append(h.clockOfServers(ctx), h.clockOfStore()...)
	},
}

// How far a clock may be off. Certificates are valid for weeks; package managers refuse signatures after minutes; servers differ by seconds.
const (
	skewNoticed = 5 * time.Minute
	skewHarmful = 12 * time.Hour
)

// clockOfServers compares the clock with those of the servers. One server may be wrong: the nearest counts.
func (h *Host) clockOfServers(ctx context.Context) []Finding {
	var best time.Duration
	var evidence []string
	for _, d := range h.dates(ctx) {
		if d.err != nil || d.date.IsZero() {
			continue
		}
		off := h.Now.Sub(d.date)
		if evidence == nil || off.Abs() < best.Abs() {
			best = off
		}
		evidence = append(evidence, fmt.Sprintf("%s says %s", fetch.Redact(d.url), d.date.UTC().Format(time.RFC3339)))
	}
	if best.Abs() < skewNoticed {
		return nil
	}
	f := Finding{ID: "clock-wrong", Severity: Warning, Subject: "clock", Mend: []string{"timedatectl set-ntp true"},
		Evidence: append([]string{"this machine says " + h.Now.UTC().Format(time.RFC3339)}, evidence...)}
	way := "behind"
	if best > 0 {
		way = "ahead"
	}
	f.Title = fmt.Sprintf("the clock is %v %s: ages, and with more the certificates of servers, are taken for wrong", best.Abs().Round(time.Second), way)
	if best.Abs() >= skewHarmful {
		f.Severity = Problem
	}
	return []Finding{f}
}

// clockOfStore compares the clock with the newest file of the store, which this machine's clock gave its time.
func (h *Host) clockOfStore() []Finding {
	if h.Root == "" {
		return nil
	}
	var newest time.Time
	var which string
	for _, name := range []string{"format", "meta", "store", "index", "roots", "downloads", "profiles"} {
		path := filepath.Join(h.Root, name)
		if info, err := os.Stat(path); err == nil && info.ModTime().After(newest) {
			newest, which = info.ModTime(), path
		}
	}
	const tolerated = time.Hour // file servers have clocks of their own
	if newest.Sub(h.Now) < tolerated {
		return nil
	}
	return []Finding{{
		ID: "clock-behind", Severity: Warning, Subject: "clock", Mend: []string{"timedatectl set-ntp true"},
		Title:    fmt.Sprintf("the clock is %v behind the newest file of the store: it is wrong now, or was when the file was made", newest.Sub(h.Now).Round(time.Minute)),
		Evidence: slices.Concat([]string{"this machine says " + h.Now.UTC().Format(time.RFC3339)}, []string{h.short(which) + " is of " + newest.UTC().Format(time.RFC3339)}),
	}}
}
