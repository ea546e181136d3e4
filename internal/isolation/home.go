package isolation

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"gostore/store"
)

// HomeUnset are the variables that lead past HOME to files of the account's owner. In a private home they are not set.
var HomeUnset = []string{
	"BASH_ENV", "ENV", "GIT_CONFIG_GLOBAL", "GNUPGHOME", "GOENV", "HISTFILE", "NETRC", "NPM_CONFIG_USERCONFIG",
	"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "ZDOTDIR",
}

// NameError says that a private home cannot have a name.
type NameError struct{ Name string }

func (e *NameError) Error() string {
	return fmt.Sprintf("private home %q: want a name of letters, digits and \".\" \"_\" \"-\" \"@\" that begins with a letter or digit, at most 64 bytes", e.Name)
}

// Home makes a private home where it is missing and returns its path. root is the store's directory. A name that none can have is a
// *NameError.
func Home(root, name string) (string, error) {
	if !IsHomeName(name) {
		return "", &NameError{name}
	}
	dir := filepath.Join(root, store.HomesDir, name)
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Mkdir(d, 0o700); err != nil && !os.IsExist(err) {
			return "", fmt.Errorf("making a private home: %w", err)
		}
		if err := private(d); err != nil {
			return "", fmt.Errorf("private home %q: %w", name, err)
		}
	}
	return dir, nil
}

// private refuses a directory that others could have prepared, or can write to.
func private(dir string) error {
	fi, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner := fi.Sys().(*syscall.Stat_t).Uid
	switch {
	case !fi.IsDir():
		return fmt.Errorf("%q is not a directory", dir)
	case int(owner) != os.Geteuid():
		return fmt.Errorf("%q belongs to user %d", dir, owner)
	case fi.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%q can be written to by others: its mode is %#o", dir, fi.Mode().Perm())
	}
	return nil
}

// IsHomeName reports whether a private home can have a name.
func IsHomeName(name string) bool {
	for i, r := range []byte(name) {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("._-@", rune(r))) {
			return false
		}
	}
	return name != "" && len(name) <= 64
}
