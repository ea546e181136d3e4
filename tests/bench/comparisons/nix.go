package comparisons

import (
	"os"
	"os/exec"
	"path/filepath"
)

// nix is a Nix store of the benchmark's own, used without a daemon.
type nix struct {
	b   bench
	dir string
}

// nix makes an empty Nix store in a directory of that name. Paths of the store are kept in its database, so it cannot be moved.
func (b bench) nix(name string) (nix, error) {
	n := nix{b, b.Fresh(name)}
	etc := filepath.Join(n.dir, "etc")
	if err := os.MkdirAll(etc, 0o755); err != nil {
		return n, err
	}
	return n, os.WriteFile(filepath.Join(etc, "nix.conf"), []byte("sandbox = false\nbuild-users-group =\n"), 0o644)
}

// command returns a command of Nix, which knows only this store.
func (n nix) command(path string, args ...string) *exec.Cmd {
	cmd := n.b.Program(n.dir, path, args...)
	for name, dir := range map[string]string{"NIX_STORE_DIR": "store", "NIX_STATE_DIR": "var", "NIX_LOG_DIR": "log", "NIX_CONF_DIR": "etc", "NIX_DATA_DIR": "share"} {
		cmd.Env = append(cmd.Env, name+"="+filepath.Join(n.dir, dir))
	}
	return cmd
}
