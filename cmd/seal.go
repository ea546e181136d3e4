package cmd

import (
	"errors"
	"os"
	"sync"

	"gostore/internal/config"
	"gostore/internal/verity"
)

// sealer returns what seals the files of objects, as the configuration says when there is an object to be sealed: many commands open the store, and
// few of them add to it. What cannot be sealed is said once in a run.
func (a *app) sealer() (sealer func() func(*os.File) error, failed func(error)) {
	sealer = func() func(*os.File) error {
		c, err := a.config()
		if err != nil || c.Seal != config.SealVerity { // a configuration that is wrong has stopped whoever downloads
			return nil
		}
		return verity.Seal
	}
	var once sync.Once
	return sealer, func(err error) {
		once.Do(func() {
			if errors.Is(err, verity.ErrUnsupported) {
				a.ui.warn(`objects are not sealed as "seal" in your configuration says: %v`, err)
				return
			}
			a.ui.warn("not all files are sealed: %v", err)
		})
	}
}
