package filelock

import (
	"context"
	"fmt"
	"time"
)

// Holder is a process that took a lock. It may have ended since and have left the lock to those that it started.
type Holder struct {
	PID  int
	Name string // "" when it cannot be told: the process has ended, or the system does not say
	UID  int    // of whom it is; -1 likewise
}

func (h Holder) String() string {
	if h.Name == "" {
		return fmt.Sprintf("process %d", h.PID)
	}
	return fmt.Sprintf("process %d (%s)", h.PID, h.Name)
}

// Watcher is told once of each wait that has lasted for After: what is waited for, and who holds it, which is nobody where the system does not
// say.
type Watcher struct {
	After time.Duration
	Tell  func(path string, holders []Holder)
}

type watcherKey struct{}

// Watch returns a context with which waits are told to w. Whoever may read a file may lock it, so a wait can be somebody else's doing, and
// a person wants to know whose.
func Watch(ctx context.Context, w Watcher) context.Context {
	return context.WithValue(ctx, watcherKey{}, w)
}

// patience is what a waiter has.
type patience struct {
	began time.Time
	told  bool
}

// wait sleeps until the next look at path.
func (p *patience) wait(ctx context.Context, path string) error {
	if p.began.IsZero() {
		p.began = time.Now()
	}
	if w, ok := ctx.Value(watcherKey{}).(Watcher); ok && !p.told && time.Since(p.began) >= w.After {
		p.told = true
		w.Tell(path, holders(path))
	}
	if err := sleep(ctx); err != nil {
		return fmt.Errorf("waiting for %q: %w", path, err)
	}
	return nil
}
