package cmd

import (
	"context"
	"path/filepath"
	"time"

	"gostore/internal/config"
	"gostore/internal/project"
	"gostore/internal/trust"
	"gostore/lock"
	"gostore/store"
)

// trusted returns the projects that hooks and shims may follow. The configuration is only read for a project without
// a record.
func (c Config) trusted(st *store.Store) trust.List {
	return trust.List{Dir: filepath.Join(st.Dir(), store.TrustDir), Folders: c.trustedFolders}
}

// trustedFolders returns the directories that the user's configuration and GOSTORE_TRUST name. One that makes no sense trusts nothing:
// commands that need it say what is wrong.
func (c Config) trustedFolders() []string {
	conf, err := config.Read(c.getenv)
	if err != nil {
		return nil
	}
	return conf.Trust
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
