package cmd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"gostore/internal/digest"
	"gostore/internal/environment"
	"gostore/internal/project"
	"gostore/internal/release"
	"gostore/internal/roots"
	"gostore/lock"
	"gostore/store"
)

// quickShell is "shell -- COMMAND" in a project that was entered before: it reads the bytes of the
// lock, looks up which environment they came to last time, takes the leases and executes the
// command. It returns, without a word, when anything is not as expected; then the long way is gone,
// which explains what is wrong.
func quickShell(cfg Config, command []string) {
	if cfg.getenv(traceVariable) != "" {
		return
	}
	path, data, err := findLock(cfg.Dir)
	if err != nil {
		return
	}
	dir, err := cfg.rootDir()
	if err != nil {
		return
	}
	st, err := store.Open(dir)
	if err != nil {
		return
	}
	tree, ok := st.Recall(memo(data))
	if !ok {
		return
	}
	ctx := context.Background()
	h, env, err := hold(ctx, st, tree)
	if err != nil {
		return
	}
	defer h.release()
	if h.follow(path) != nil {
		return
	}
	if roots.Register(ctx, rootsDir(st), projectRoot(path, tree, env.Tools)) != nil {
		return
	}
	_ = cfg.enter(env, h, command) // the long way meets the same error and reports it
}

// hold takes leases on an environment that was built before and on its tools.
func hold(ctx context.Context, st *store.Store, tree digest.Tree) (*held, environment.Environment, error) {
	lease, err := st.Lease(ctx, tree)
	if err != nil {
		return nil, environment.Environment{}, err
	}
	h := &held{env: lease}
	env, err := environment.Load(lease.Path())
	for _, t := range env.Tools {
		var l *store.Lease
		if l, err = st.Lease(ctx, t.Tree); err != nil {
			break
		}
		h.leases = append(h.leases, l)
	}
	if err != nil {
		h.release()
		return nil, environment.Environment{}, err
	}
	h.tools = env.Tools
	return h, env, nil
}

// findLock finds the lock that project.Find finds, without looking at the other files of the project: it walks
// up from dir to the nearest lock, but not past a gostore.toml without one.
func findLock(dir string) (path string, data []byte, err error) {
	for start := dir; ; {
		path = filepath.Join(dir, lock.Name)
		data, err = os.ReadFile(path)
		if err == nil && dir != start && project.Public(dir) {
			return path, nil, fs.ErrNotExist
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return path, data, err
		}
		if _, err := os.Lstat(filepath.Join(dir, project.ConfigName)); err == nil {
			return path, nil, fs.ErrNotExist
		}
		dir = filepath.Dir(dir)
	}
}

// memo is the key under which the store remembers which environment the bytes of a lock came to on this
// platform, with this version of gostore, as another might present the same tools differently.
// It is only a hint: the environment's digest says what it is.
func memo(data []byte) string {
	host := release.Host()
	key := digest.Sum(append([]byte(version+"\n"), data...))
	return "lock-" + key.Hex() + "-" + host.OS + "-" + host.Arch
}

// remember keeps what quickShell recalls.
func remember(st *store.Store, data []byte, tree digest.Tree) {
	key := memo(data)
	if known, ok := st.Recall(key); !ok || known != tree {
		st.Remember(key, tree) // best effort: the next start takes the long way too
	}
}
