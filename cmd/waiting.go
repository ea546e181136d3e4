package cmd

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"gostore/internal/filelock"
)

// waitedLong is how long a lock is waited for in silence. Those of gostore itself are held for milliseconds, but for
// that of a download, of which its own progress speaks.
const waitedLong = time.Second

// watchWaits returns a context with which a remark says for whom the command waits.
func (u *ui) watchWaits(ctx context.Context) context.Context {
	return filelock.Watch(ctx, filelock.Watcher{After: waitedLong, Tell: func(path string, holders []filelock.Holder) {
		if filepath.Ext(path) == ".part" {
			return
		}
		var by []string
		for _, h := range holders {
			words := h.String()
			if h.UID >= 0 {
				words += " of " + userName(h.UID)
			}
			by = append(by, words)
		}
		if len(by) == 0 {
			by = []string{"another process"}
		}
		u.note("waiting for %q, locked by %s", path, strings.Join(by, ", "))
	}})
}
