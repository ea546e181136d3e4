package cmd

import (
	"context"
	"time"

	"gostore/internal/digest"
	"gostore/internal/isolation"
)

// cachesJSON are caches of a toolchain that gc removed.
type cachesJSON struct {
	Name string    `json:"name"` // of the toolchain and its version
	Used time.Time `json:"used"` // when they were last taken into use
	Size int64     `json:"size"` // bytes of disk
}

// gcCaches collects caches into an answer, of which the objects are known.
func (a *app) gcCaches(ctx context.Context, o gcOptions, answer *gcJSON) (err error) {
	answer.Caches, err = a.collectIsolated(ctx, o, answer.Objects)
	for _, c := range answer.Caches {
		answer.Bytes += c.Size
	}
	return err
}

// collectIsolated removes the caches of toolchains that are gone, or that will be, and those that are older than the flags say.
func (a *app) collectIsolated(ctx context.Context, o gcOptions, dead []objectListing) ([]cachesJSON, error) {
	going := make(map[string]bool)
	for _, d := range dead {
		going[d.Tree] = true
	}
	c := isolation.Collection{
		Alive: func(t digest.Tree) bool {
			_, err := a.st.Lookup(t)
			return err == nil && !going[t.String()]
		},
		Now: time.Now(), DryRun: o.dryRun,
	}
	if age, err := parseAge(o.olderThan); err == nil { // prune has reported one that is none
		c.Before = c.Now.Add(-age)
	}
	removed, err := isolation.Collect(ctx, a.st.Dir(), c)
	list := []cachesJSON{}
	for _, r := range removed {
		list = append(list, cachesJSON{r.Name, r.Used, r.Bytes})
	}
	return list, err
}
