// Package scrub keeps account of how far the verification of a store has come.
//
// A store falls into 256 slices, by the first byte of digests. A round is one verification of all of them, in as many runs as it
// takes: runs can be stopped at any time, can be about some slices only, and several can be under way at once.
//
// The account is one file, verified/state in the store's root, of about three kilobytes of JSON with a check (package checked):
//
//	round     when the round that is under way began, a bit for each slice that was verified since, the damage found so far
//	complete  when the last complete round began and ended, and how much damage it found
//	slices    for each slice when its last verification began, in seconds since 1970; 0 is never
//
// # What it promises
//
// The account never says of a slice that it was verified unless it was read to its end, and the time is the one at which that
// began. A crash loses what was done since the account was last written, at most some seconds of work; an account that
// rotted, or cannot be understood, counts as none, so everything counts as never verified. Runs at the same time take turns
// to write, in a filelock on the directory that is held for as long as that takes, and add up.
//
// # What it does not promise
//
// That what was verified is whole still: disks rot. That is what the times are for.
package scrub

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Slices is how many slices a store has.
const Slices = 256

// Subset is a part of a store: the N-th of Of, which are as equal as 256 slices allow. The zero Subset is all.
type Subset struct{ N, Of int }

// ParseSubset reads N/OF, with 1 ≤ N ≤ OF ≤ 256.
func ParseSubset(s string) (Subset, error) {
	a, b, ok := strings.Cut(s, "/")
	n, err := strconv.Atoi(a)
	of, err2 := strconv.Atoi(b)
	if !ok || err != nil || err2 != nil || strconv.Itoa(n)+"/"+strconv.Itoa(of) != s {
		return Subset{}, fmt.Errorf("subset %q: want N/OF, as in 1/7", s)
	}
	if n < 1 || n > of || of > Slices {
		return Subset{}, fmt.Errorf("subset %q: want N/OF with N from 1 to OF, and OF at most %d", s, Slices)
	}
	return Subset{n, of}, nil
}

// String returns what ParseSubset reads, "" for all.
func (s Subset) String() string {
	if s.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.N, s.Of)
}

// Has reports whether a slice belongs to the subset. Each belongs to exactly one of the Of.
func (s Subset) Has(slice byte) bool {
	return s.Of == 0 || int(slice)*s.Of/Slices+1 == s.N
}

// Options say what a run is to do. The zero value verifies everything, in a round of its own.
type Options struct {
	Subset Subset
	// Resume leaves out what the round that is under way has verified. Where none is, one begins.
	Resume bool
	// MaxTime ends the run in order when it is over, but not before one slice was verified, so that each run gets further; 0 is no limit.
	MaxTime time.Duration
}

// Report says how a run ended.
type Report struct {
	Done     int  // slices that were verified by it
	Left     int  // slices of the subset that it should have verified and did not
	TimeUp   bool // MaxTime ended it
	Coverage Coverage
	// SaveErr says that the account could not be written: then the next run does again what this one did.
	SaveErr error
}

// saveEvery is how much work a crash can lose. An account is written within milliseconds on most disks, and within a hundred on slow ones.
const saveEvery = 5 * time.Second

// Run verifies slices with check, which returns how much damage it found, and keeps account of it in dir, the directory
// Dir of a store. The error is check's; when ctx ends it is that of ctx. What was verified by then is in the account.
func Run(ctx context.Context, dir string, o Options, check func(ctx context.Context, slice byte) (damage int, err error)) (Report, error) {
	r := run{dir: dir, options: o, began: time.Now()}
	r.saved = r.began
	todo, err := r.begin()
	r.fail(err)
	for i, slice := range todo {
		err = r.slice(ctx, slice, check)
		if err == nil && time.Since(r.saved) >= saveEvery {
			r.fail(r.save())
		}
		if r.report.TimeUp = r.timeUp(ctx, err); r.report.TimeUp || err != nil {
			r.report.Left = len(todo) - i
			if err == nil {
				r.report.Left--
			}
			break
		}
	}
	r.report.TimeUp = r.report.TimeUp && r.report.Left > 0
	if r.timeUp(ctx, err) {
		err = nil
	}
	r.fail(r.save())
	r.report.Coverage = r.coverage()
	return r.report, err
}

// run is one call of Run.
type run struct {
	dir     string
	options Options
	began   time.Time
	anew    bool // this run begins a round
	saved   time.Time
	pending []verified
	known   state // the account as it was last read or written
	report  Report
}

// begin returns the slices that are to be verified.
func (r *run) begin() ([]byte, error) {
	var err error
	r.known, err = load(r.dir)
	r.anew = r.known.Round == nil || !r.options.Resume && r.options.Subset.Of == 0
	var todo []byte
	for i := range Slices {
		slice := byte(i)
		done := r.options.Resume && !r.anew && r.known.Round.has(slice)
		if r.options.Subset.Has(slice) && !done {
			todo = append(todo, slice)
		}
	}
	return todo, err
}

// slice verifies one slice. The first one is not held to the time limit.
func (r *run) slice(ctx context.Context, slice byte, check func(context.Context, byte) (int, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.options.MaxTime > 0 && r.report.Done > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, r.began.Add(r.options.MaxTime))
		defer cancel()
	}
	v := verified{slice: slice, began: time.Now()}
	var err error
	if v.damage, err = check(ctx, slice); err != nil {
		return err
	}
	r.report.Done++
	r.pending = append(r.pending, v)
	return nil
}

// timeUp reports whether it was the time limit, and not the caller's context, that ended the run or has to.
func (r *run) timeUp(ctx context.Context, err error) bool {
	over := r.options.MaxTime > 0 && r.report.Done > 0 && time.Since(r.began) >= r.options.MaxTime
	return over && ctx.Err() == nil && (err == nil || errors.Is(err, context.DeadlineExceeded))
}

// fail notes the first failure of the account.
func (r *run) fail(err error) {
	if r.report.SaveErr == nil {
		r.report.SaveErr = err
	}
}

// save enters what was verified since the last time. Without anything to enter it writes nothing.
func (r *run) save() error {
	if len(r.pending) == 0 {
		return nil
	}
	s, err := update(r.dir, func(s *state) {
		if r.anew || s.Round == nil {
			s.Round = &round{Began: r.began.UTC()}
		}
		for _, v := range r.pending {
			s.enter(v)
		}
	})
	if err != nil {
		return err
	}
	r.known, r.anew, r.pending, r.saved = s, false, nil, time.Now()
	return nil
}

// coverage is that of the account, or of what it would be if it could be written.
func (r *run) coverage() Coverage { return r.known.coverage() }
