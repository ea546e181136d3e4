// Gostore-shim is what shims lead to where it stands beside gostore: it starts a command that is known, which is nearly always, and
// hands everything else on to gostore.
//
// gostore can do all of it. But starting a program costs what it brings along, and a shim is started often: without HTTP, archives
// and a command line this takes about 1.5 ms less.
//
// Built with -tags noasm it takes 0.2 to 0.4 ms less once more: it does not find out what the processor can do for hashing, which is slow in virtual
// machines and of no use for a few hundred bytes.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gostore/internal/enter"
	"gostore/internal/shim"
	"gostore/internal/sys"
	"gostore/internal/trust"
	"gostore/store"
)

func main() {
	dir, _ := os.Getwd() // where it was removed nothing is in or above it
	p := enter.Process{Environ: os.Environ(), Dir: dir}
	command, isShim := shim.Named(os.Args[0])
	if isShim && p.Getenv("GOSTORE_TRACE") == "" {
		// The same answers as gostore's, except for what the user's configuration trusts, which gostore reads.
		trusts := func(st *store.Store, dir string) bool {
			return trust.List{Dir: filepath.Join(st.Dir(), store.TrustDir)}.Trusts(dir)
		}
		_ = enter.NewShim(p, os.Args, command, trusts).Become() // gostore meets the same error and explains it
	}
	fmt.Fprintf(os.Stderr, "gostore: error: %v\n", becomeGostore())
	os.Exit(127)
}

// becomeGostore hands on to the gostore beside this program, under the name that this one was started as.
func becomeGostore() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return err
	}
	gostore := filepath.Join(filepath.Dir(self), "gostore")
	err = sys.Exec(gostore, os.Args, os.Environ())
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%q, which starts shims, needs gostore beside it, and there is none", self)
	}
	return fmt.Errorf("executing %q: %w", gostore, err)
}
