package cmd

import (
	"context"
	"path/filepath"
	"time"

	"gostore/internal/project"
	"gostore/internal/trust"
	"gostore/lock"
	"gostore/store"
)

// trusted returns the projects that hooks and shims may follow.
func (c Config) trusted(st *store.Store) trust.List {
	return trust.List{Dir: filepath.Join(st.Dir(), store.TrustDir)}
}

// letFollow has hooks and shims follow a lock that was just written: whoever had it made needs not be asked about it. The lock is
// good without that, too.
func (a *app) letFollow(ctx context.Context, p project.Project, f *lock.File) {
	st, err := a.openStore()
	if err == nil {
		_, err = a.cfg.trusted(st).Add(p.Dir, time.Now())
	}
	if err != nil {
		a.ui.warn("hooks and shims will not follow the lock: %v", err)
		return
	}
	a.addShims(ctx, a.statedCommands(f.Tools))
}
