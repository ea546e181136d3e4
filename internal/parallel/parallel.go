// Package parallel does one thing to each of many from a few goroutines. For thousands of short calls that is cheaper than a goroutine for each, and
// after an error the others are done all the same.
package parallel

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// Each calls do for 0 to n-1, in about this order, from as many goroutines as there are workers, and begins with none more when ctx has ended. It
// returns the errors of do, and that of ctx.
func Each(ctx context.Context, workers, n int, do func(i int) error) error {
	errs := make([]error, max(0, min(workers, n)))
	var next atomic.Int64
	var working sync.WaitGroup
	for w := range errs {
		working.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				errs[w] = errors.Join(errs[w], do(i))
			}
		})
	}
	working.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}
