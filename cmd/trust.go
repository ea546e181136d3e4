package cmd

import (
	"path/filepath"
	"time"

	"gostore/internal/config"
	"gostore/internal/project"
	"gostore/internal/trust"
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
