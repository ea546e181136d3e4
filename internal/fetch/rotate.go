package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"
)

// hurry is how many times sooner than otherwise a mirror has to begin its answer while there is another candidate to ask: within a
// quarter of a minute instead of two. Who serves copies has them already.
const hurry = 8

// hurryKey is the key of a context's value that is set when an answer is in a hurry.
type hurryKey struct{}

// MirrorError says that a file could be had neither from its mirrors nor, unless that is switched off, from its own URL.
// It is what the most telling candidate said, which Unwrap returns: the original if it was asked.
type MirrorError struct {
	URL   string   // the original, without user information and query
	Err   error    // names the candidate that it is about
	Other []string // what the others said, each with its URL without user information and query
}

func (e *MirrorError) Error() string {
	return fmt.Sprintf("%v (before that, for %q: %s)", e.Err, e.URL, strings.Join(e.Other, "; "))
}

// Unwrap returns what the most telling candidate said.
func (e *MirrorError) Unwrap() error { return e.Err }

// rotation is one search through the candidates of a URL.
type rotation struct {
	c    *Client
	url  string
	left []*candidate // that may still be asked, the next first
	gone []*candidate // that failed for good

	failures int           // in a row without gaining ground, of those that may pass
	budget   int           // so many failures are final
	wait     time.Duration // that the next failure adds to debt
	debt     time.Duration // to pause before anybody is asked a second time
	waited   time.Duration // paused in all
}

// candidate is a URL that is asked.
type candidate struct {
	url   string
	tried bool          // since the last pause
	ready time.Duration // how much must have been waited before it may be asked: Retry-After
	err   error         // what it said last
}

// rotate calls try with one candidate of url after the other until one call succeeds, all have failed for good, or calls have failed
// attempts times in a row without gaining ground. It pauses only when everybody that is left has been asked since the last pause, and
// then as long as retry would have done for as many failures: a dead mirror costs no pause of its own. One that brought
// something is asked again before others are. A candidate that asked for time (Retry-After) is left in peace that long.
//
// Errors name every candidate that was asked.
func (c *Client) rotate(ctx context.Context, url string, try func(ctx context.Context, from string) (gained bool, err error)) error {
	all := c.candidates(url)
	if len(all) == 1 {
		return c.retry(ctx, all[0], func(ctx context.Context) (bool, error) { return try(ctx, all[0]) })
	}
	r := &rotation{c: c, url: url, wait: firstPause, budget: max(attempts, len(all))}
	for _, u := range all {
		r.left = append(r.left, &candidate{url: u})
	}
	for {
		next, err := r.next(ctx)
		if err != nil {
			return explain(ctx, url, err)
		}
		attempt := ctx
		if next.url != url && len(r.left) > 1 {
			attempt = context.WithValue(ctx, hurryKey{}, true)
		}
		gained, err := try(attempt, next.url)
		if err == nil {
			return nil
		}
		var local *fs.PathError
		if ctx.Err() != nil || errors.As(err, &local) {
			return explain(ctx, next.url, err)
		}
		if r.failed(ctx, next, gained, err); len(r.left) == 0 || r.failures >= r.budget {
			return r.err()
		}
	}
}

// next returns the candidate to ask, after a pause if need be.
func (r *rotation) next(ctx context.Context) (*candidate, error) {
	soonest := r.left[0].ready
	for _, c := range r.left {
		if !c.tried && c.ready <= r.waited {
			return c, nil
		}
		soonest = min(soonest, c.ready)
	}
	pause := max(r.debt, soonest-r.waited)
	if err := r.c.pause(ctx, pause); err != nil {
		return nil, err
	}
	r.debt, r.waited = 0, r.waited+pause
	for _, c := range r.left {
		c.tried = false
	}
	return r.next(ctx)
}

// failed records what asking c led to.
func (r *rotation) failed(ctx context.Context, c *candidate, gained bool, err error) {
	c.tried, c.err = true, explain(ctx, c.url, err)
	i, after := slices.Index(r.left, c), askedFor(err)
	away := c.url != r.url && len(r.left) > 1 && unreachable(err)
	if away {
		r.c.distrust.add(&r.c.distrust.hosts, hostOf(c.url))
	}
	if away || !temporary(err) || after > maxRetryAfter {
		r.left, r.gone = slices.Delete(r.left, i, i+1), append(r.gone, c)
		return
	}
	if gained {
		r.failures, r.wait, r.debt = 0, firstPause, 0
		r.left = slices.Insert(slices.Delete(r.left, i, i+1), 0, c)
		for _, c := range r.left {
			c.tried = true // it comes first again, after a pause
		}
	}
	c.ready = r.waited + after
	r.failures++
	r.debt += r.wait/2 + rand.N(r.wait/2+1)
	r.wait = min(2*r.wait, maxPause)
}

// err joins what all candidates said.
func (r *rotation) err() error {
	all := slices.Concat(r.gone, r.left)
	all = slices.DeleteFunc(all, func(c *candidate) bool { return c.err == nil })
	telling := all[len(all)-1]
	for _, c := range all {
		if c.url == r.url {
			telling = c
			break
		}
		if !errors.Is(c.err, fs.ErrNotExist) {
			telling = c
		}
	}
	e := &MirrorError{URL: Redact(r.url), Err: telling.err}
	for _, c := range all {
		if c != telling {
			e.Other = append(e.Other, c.err.Error())
		}
	}
	return e
}

// askedFor returns how long a server wants to be left in peace.
func askedFor(err error) time.Duration {
	var status *StatusError
	if errors.As(err, &status) {
		return status.RetryAfter
	}
	return 0
}

// unreachable reports whether err says that there was no connection, or nothing at the other end that answers.
func unreachable(err error) bool {
	var op *net.OpError
	return errors.Is(err, errSilent) || errors.As(err, &op) && op.Op == "dial"
}

// patience returns how long an answer to a request with that context may take to begin.
func (c *Client) patience(ctx context.Context) time.Duration {
	d := orDefault(c.FirstByte, defaultFirstByte)
	if ctx.Value(hurryKey{}) != nil {
		d /= hurry
	}
	return d
}
