//go:build !linux

package store

import "os"

// eachName calls do with every name in a directory, in no order, and with whether it is a directory where that is known
// without looking. The name is good until do returns.
func eachName(dir string, do func(name []byte, isDir, known bool)) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	for _, e := range entries {
		do([]byte(e.Name()), e.IsDir(), true)
	}
	return err
}
