package scrub

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gostore/internal/checked"
)

// all runs and returns the slices that were verified.
func all(t *testing.T, dir string, o Options) ([]byte, Report) {
	t.Helper()
	var done []byte
	r, err := Run(t.Context(), dir, o, func(_ context.Context, slice byte) (int, error) {
		done = append(done, slice)
		return 0, nil
	})
	if err != nil || r.SaveErr != nil {
		t.Fatal(err, r.SaveErr)
	}
	return done, r
}

// Each slice is in exactly one subset, and subsets are equal but for one slice.
func TestSubsets(t *testing.T) {
	for of := 1; of <= Slices; of++ {
		sizes := map[int]bool{}
		total := 0
		for n := 1; n <= of; n++ {
			size := 0
			for i := range Slices {
				if (Subset{n, of}).Has(byte(i)) {
					size++
				}
			}
			sizes[size] = true
			total += size
		}
		if total != Slices || len(sizes) > 2 || sizes[0] {
			t.Errorf("of %d: %d slices in subsets of %v", of, total, sizes)
		}
	}
}

func TestParseSubset(t *testing.T) {
	for _, s := range []string{"1/1", "7/7", "256/256"} {
		if got, err := ParseSubset(s); err != nil || got.String() != s {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "1", "0/7", "8/7", "1/257", "-1/7", "01/7", "1/7 ", "a/b", "1/0", "1/7/2", "+1/7"} {
		if got, err := ParseSubset(s); err == nil {
			t.Errorf("%q is read as %v", s, got)
		}
	}
}

// Seven subsets, in any order, are a round.
func TestSubsetsAreARound(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "verified")
	seen := map[byte]int{}
	for i, n := range []int{3, 1, 7, 2, 5, 6, 4} {
		done, r := all(t, dir, Options{Subset: Subset{n, 7}})
		for _, slice := range done {
			seen[slice]++
		}
		if complete := !r.Coverage.Complete.Began.IsZero(); complete != (i == 6) || r.Coverage.Oldest.IsZero() == complete {
			t.Errorf("after %d subsets: %+v", i+1, r.Coverage)
		}
	}
	if len(seen) != Slices {
		t.Errorf("%d slices were verified", len(seen))
	}
	for slice, n := range seen {
		if n != 1 {
			t.Errorf("slice %d was verified %d times", slice, n)
		}
	}
}

// A run that is interrupted in slice 100 did 100 of them, and --resume does the others.
func TestResume(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "verified")
	ctx, cancel := context.WithCancel(t.Context())
	r, err := Run(ctx, dir, Options{}, func(ctx context.Context, slice byte) (int, error) {
		if slice == 100 {
			cancel()
			return 0, ctx.Err()
		}
		return 1, nil
	})
	if !errors.Is(err, context.Canceled) || r.Done != 100 || r.Left != 156 || r.Coverage.Verified != 100 || !r.Coverage.Oldest.IsZero() {
		t.Fatalf("%+v, %v", r, err)
	}
	done, r := all(t, dir, Options{Resume: true})
	if len(done) != 156 || done[0] != 100 || r.Coverage.Complete.Damage != 100 || r.Coverage.Verified != Slices {
		t.Errorf("resumed with %d slices: %+v", len(done), r)
	}
	if done, _ := all(t, dir, Options{Resume: true}); len(done) != Slices {
		t.Errorf("after a complete round %d slices are resumed", len(done))
	}
}

// Without --resume a round begins anew, whatever was interrupted.
func TestAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "verified")
	all(t, dir, Options{Subset: Subset{1, 2}})
	done, r := all(t, dir, Options{})
	if len(done) != Slices || r.Coverage.Complete.Began.IsZero() || !r.Coverage.Began.IsZero() {
		t.Errorf("%d slices: %+v", len(done), r.Coverage)
	}
}

// A run ends when its time is up, verifies at least one slice, and the next goes on there.
func TestMaxTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "verified")
		var done []byte
		slow := func(ctx context.Context, slice byte) (int, error) {
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(4 * time.Second):
				done = append(done, slice)
				return 0, nil
			}
		}
		r, err := Run(t.Context(), dir, Options{MaxTime: 10 * time.Second}, slow)
		if err != nil || r.Done != 2 || r.Left != 254 || !r.TimeUp {
			t.Errorf("in ten seconds: %+v, %v", r, err)
		}
		r, err = Run(t.Context(), dir, Options{MaxTime: time.Second, Resume: true}, slow)
		if err != nil || r.Done != 1 || r.Left != 253 || !r.TimeUp || !slices.Equal(done, []byte{0, 1, 2}) {
			t.Errorf("in a second: %+v, %v; done %v", r, err, done)
		}
		r, err = Run(t.Context(), dir, Options{MaxTime: time.Hour, Resume: true}, slow)
		if err != nil || r.Left != 0 || r.TimeUp || r.Coverage.Complete.Began.IsZero() {
			t.Errorf("in an hour: %+v, %v", r, err)
		}
	})
}

// An account in which a bit rotted, or that is cut off, counts as none. It never says that something was verified.
func TestRottenAccount(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "verified")
	all(t, dir, Options{})
	path := filepath.Join(dir, StateName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 4096 {
		t.Errorf("the account has %d bytes", len(text))
	}
	for i := 0; i < len(text); i += 13 {
		for _, rotten := range [][]byte{text[:i], append(append(bytes.Clone(text[:i]), text[i]^4), text[i+1:]...)} {
			if err := os.WriteFile(path, rotten, 0o644); err != nil {
				t.Fatal(err)
			}
			if c, err := Read(dir); err == nil || c.Verified != 0 || !c.Oldest.IsZero() || !c.Complete.Began.IsZero() {
				t.Errorf("an account that is wrong at %d says %+v, %v", i, c, err)
			}
		}
	}
	r, err := Run(t.Context(), dir, Options{Resume: true}, func(context.Context, byte) (int, error) { return 0, nil })
	if err != nil || r.SaveErr == nil || r.Done != Slices {
		t.Errorf("over a rotten account: %+v, %v", r, err)
	}
	if c, err := Read(dir); err != nil || c.Complete.Began.IsZero() {
		t.Errorf("afterwards: %+v, %v", c, err)
	}
}

// What another run verified at the same time is not lost.
func TestTwoRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "verified")
	all(t, dir, Options{Subset: Subset{1, 256}}) // a round is under way
	inner := false
	_, err := Run(t.Context(), dir, Options{Subset: Subset{1, 2}}, func(_ context.Context, slice byte) (int, error) {
		if !inner {
			inner = true
			all(t, dir, Options{Subset: Subset{2, 2}})
		}
		return 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := Read(dir); err != nil || c.Complete.Began.IsZero() || c.Oldest.IsZero() {
		t.Errorf("%+v, %v", c, err)
	}
}

// Without an account to write to, everything is verified all the same.
func TestUnwritable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing", "verified")
	r, err := Run(t.Context(), dir, Options{}, func(context.Context, byte) (int, error) { return 0, nil })
	if err != nil || r.Done != Slices || r.SaveErr == nil || r.Coverage.Verified != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"slices":[]}`))
	f.Add(checked.Add(StateName, []byte(`{"round":{"began":"2026-01-02T03:04:05Z","done":"00","damage":1},"slices":[1]}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := parse(data); err != nil && (s.Round != nil || s.Complete != nil || s.Times != [Slices]int64{}) {
			t.Errorf("%q, which is wrong (%v), says %+v", data, err, s)
		}
	})
}
