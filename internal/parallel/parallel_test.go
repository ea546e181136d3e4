package parallel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// Each is done once, whatever the numbers, and all errors are told.
func TestEach(t *testing.T) {
	for _, c := range []struct{ workers, n int }{{0, 0}, {3, 0}, {1, 5}, {4, 4}, {8, 3}, {3, 1000}} {
		done := make([]atomic.Int32, c.n)
		err := Each(t.Context(), c.workers, c.n, func(i int) error {
			done[i].Add(1)
			if i%100 == 2 {
				return fmt.Errorf("error %d.", i)
			}
			return nil
		})
		for i := range done {
			if got := done[i].Load(); got != 1 {
				t.Errorf("%+v: %d was done %d times", c, i, got)
			}
			if want := i%100 == 2; want != (err != nil && strings.Contains(err.Error(), fmt.Sprintf("error %d.", i))) {
				t.Errorf("%+v: the error of %d: %v, %v", c, i, !want, err)
			}
		}
	}
}

// When the context ends no more is begun, but for what the other worker had decided to begin, and its error is returned beside those of what was done.
func TestEachEnds(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	failed := errors.New("failed")
	var done, after atomic.Int32
	var ended atomic.Bool
	err := Each(ctx, 2, 10_000, func(i int) error {
		if ended.Load() {
			after.Add(1)
		}
		if done.Add(1) == 10 {
			end()
			ended.Store(true)
		}
		return failed
	})
	if n := done.Load(); n < 10 || after.Load() > 1 || !errors.Is(err, context.Canceled) || !errors.Is(err, failed) {
		t.Errorf("%d were done, %d of them after the end: %v", n, after.Load(), err)
	}
}
