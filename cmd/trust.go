package cmd

import (
	"path/filepath"
	"time"

	"gostore/internal/project"
	"gostore/internal/trust"
	"gostore/store"
)

// trusted returns the projects that hooks and shims may follow.
func (c Config) trusted(st *store.Store) trust.List {
	return trust.List{Dir: filepath.Join(st.Dir(), store.TrustDir)}
}

// trustOwn trusts a project whose lock was just written: whoever had it made needs not be asked about it. The lock is
// good without that, too.
func (a *app) trustOwn(p project.Project) {
	st, err := a.openStore()
	if err == nil {
		_, err = a.cfg.trusted(st).Add(p.Dir, time.Now())
	}
	if err != nil {
		a.ui.warn("hooks and shims will not follow the lock: %v", err)
	}
}
