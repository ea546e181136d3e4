package cmd

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
)

// makeTemp makes a directory for temporary files, which only this user can read. It is for what must not be in the store, such as a copy of the
// project. In a TMPDIR in which others could put something into its place none is made: what is built there is executed.
func (c Config) makeTemp(pattern string) (string, error) {
	dir := c.abs(cmp.Or(c.getenv("TMPDIR"), os.TempDir()))
	p := c.process()
	var err error
	if !p.Alone() {
		err = p.User().Path(filepath.Join(dir, pattern)) // which is not there: so dir is one on the way, and may be like /tmp
	}
	made := ""
	if err == nil {
		made, err = os.MkdirTemp(dir, pattern)
	}
	if err != nil {
		return "", advise(fmt.Errorf("making a directory for temporary files: %w", err), exitFailed,
			append(mend(err), "let TMPDIR name a directory that is yours, or leave it out: then it is /tmp")...)
	}
	return made, nil
}
