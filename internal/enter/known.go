package enter

import (
	"context"
	"path/filepath"
	"time"

	"gostore/internal/digest"
	"gostore/internal/environment"
	"gostore/internal/link"
	"gostore/internal/release"
	"gostore/internal/roots"
	"gostore/store"
)

// Memo is the key under which the store remembers which environment the bytes of a lock came to on this
// platform, with this Version. It is only a hint: the environment's digest says what it is.
func Memo(data []byte) string {
	host := release.Host()
	key := digest.Sum(append([]byte(Version+"\n"), data...))
	return "lock-" + key.Hex() + "-" + host.OS + "-" + host.Arch
}

// Remember keeps what Recall finds.
func Remember(st *store.Store, data []byte, tree digest.Tree) {
	key := Memo(data)
	if known, ok := st.Recall(key); !ok || known != tree {
		st.Remember(key, tree) // best effort: the next start takes the long way too
	}
}

// Recall returns the environment that the bytes of the lock at path came to last time, leased and registered. It is not ok when
// that is not known, when something of it has gone, or when a link of the project has to follow it.
func Recall(ctx context.Context, st *store.Store, path string, data []byte) (*Held, environment.Environment, bool) {
	tree, ok := st.Recall(Memo(data))
	if !ok {
		return nil, environment.Environment{}, false
	}
	h, env, err := Hold(ctx, st, tree)
	if err != nil {
		return nil, env, false
	}
	h.Project, err = WishesBeside(path)
	if err != nil || !link.Leads(filepath.Dir(path), h.Env.Path()) ||
		roots.Register(ctx, RootsDir(st), ProjectRoot(path, tree, env.Tools)) != nil {
		h.Release()
		return nil, env, false
	}
	return h, env, true
}

// ProjectRoot describes a project that uses an environment at this moment.
func ProjectRoot(path string, env digest.Tree, tools []environment.Tool) roots.Project {
	trees := []digest.Tree{env}
	for _, t := range tools {
		trees = append(trees, t.Tree)
	}
	return roots.Project{Lock: path, Platform: release.Host(), Trees: trees, Used: time.Now()}
}

// RootsDir returns where the register of projects is.
func RootsDir(st *store.Store) string { return filepath.Join(st.Dir(), store.RootsDir) }
