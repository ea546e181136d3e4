package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/fetch"
	"gostore/tests/upstream"
)

// holds checks that everything that a part claims is the zip's, and returns what that is.
func (f *fixture) holds(t *testing.T, part string) []fetch.Range {
	t.Helper()
	held, total, ok := fetch.Held(part)
	if !ok {
		return nil
	}
	if total != int64(len(f.zip)) {
		t.Errorf("the part is of %d bytes, want %d", total, len(f.zip))
	}
	data, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range held {
		if r.End > int64(len(data)) || !bytes.Equal(data[r.Start:r.End], f.zip[r.Start:r.End]) {
			t.Errorf("bytes %v are claimed, but are not there", r)
		}
	}
	return held
}

// ranges returns the Range headers of all requests for the zip, sorted.
func (f *fixture) ranges() (list []string) {
	for _, q := range f.Requests() {
		if strings.HasSuffix(q.Path, ".zip") {
			list = append(list, q.Range)
		}
	}
	slices.Sort(list)
	return list
}

func TestRanges(t *testing.T) {
	n := int64(len(newFixture(t).zip))
	for _, tt := range []struct {
		name     string
		ask      []fetch.Range
		held     []fetch.Range
		requests []string
	}{
		{"one", []fetch.Range{{10, 20}}, []fetch.Range{{10, 20}}, []string{"bytes=10-19"}},
		{"the beginning", []fetch.Range{{0, 20}}, []fetch.Range{{0, 20}}, []string{"bytes=0-19"}},
		{"the end", []fetch.Range{{-100, 0}}, []fetch.Range{{n - 100, n}}, []string{"bytes=-100"}},
		{"more than the end has", []fetch.Range{{-1 << 30, 0}}, []fetch.Range{{0, n}}, []string{"bytes=-1073741824"}},
		{"beyond the end", []fetch.Range{{n - 5, n + 100}}, []fetch.Range{{n - 5, n}},
			[]string{"bytes=" + strconv.FormatInt(n-5, 10) + "-" + strconv.FormatInt(n+99, 10)}},
		{"close to each other", []fetch.Range{{60_000, 60_010}, {10, 20}, {100_000, 100_001}}, []fetch.Range{{10, 100_001}}, []string{"bytes=10-100000"}},
		{"far from each other", []fetch.Range{{200_000, 200_010}, {10, 20}}, []fetch.Range{{10, 20}, {200_000, 200_010}},
			[]string{"bytes=10-19", "bytes=200000-200009"}},
		{"overlapping", []fetch.Range{{10, 20}, {15, 30}}, []fetch.Range{{10, 30}}, []string{"bytes=10-29"}},
		{"with the end", []fetch.Range{{-100, 0}, {10, 20}}, []fetch.Range{{10, 20}, {n - 100, n}}, []string{"bytes=-100", "bytes=10-19"}},
		{"none", []fetch.Range{}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			var last [2]int64
			opt := fetch.Options{Ranges: tt.ask, Progress: func(done, total int64) { last = [2]int64{done, total} }}
			if err := f.download(t, opt); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.held, f.holds(t, f.part)); diff != "" {
				t.Errorf("held: %s", diff)
			}
			if diff := cmp.Diff(tt.requests, f.ranges()); diff != "" {
				t.Errorf("requests: %s", diff)
			}
			if last[0] != last[1] {
				t.Errorf("last progress is %v", last)
			}
			f.ClearRequests()
			if err := f.download(t, opt); err != nil || len(f.ranges()) > 0 {
				t.Errorf("what is there was asked for again: %q, %v", f.ranges(), err)
			}
			f.whole(t, f.download(t, fetch.Options{}))
			var had int64
			for _, r := range tt.held {
				had += r.End - r.Start
			}
			if _, sent := f.Count(".zip"); sent != n-had {
				t.Errorf("for the rest of %d bytes %d were sent", n-had, sent)
			}
		})
	}
}

// Ranges are added to the beginning that an interrupted download left.
func TestRangesAfterABeginning(t *testing.T) {
	f := newFixture(t)
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, CutAt: 100_000})
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, Status: 403})
	if err := f.download(t, fetch.Options{}); err == nil {
		t.Fatal("the interrupted download succeeded")
	}
	f.ClearRequests()
	if err := f.download(t, fetch.Options{Ranges: []fetch.Range{{50_000, 60_000}, {99_000, 101_000}, {250_000, 250_001}}}); err != nil {
		t.Fatal(err)
	}
	f.holds(t, f.part)
	if diff := cmp.Diff([]string{"bytes=100000-100999", "bytes=250000-250000"}, f.ranges()); diff != "" {
		t.Error(diff)
	}
}

// A server that sends the whole file is left before it has sent it.
func TestNoRanges(t *testing.T) {
	f := newFixture(t)
	f.Fault(upstream.Fault{Path: ".zip", NoRange: true, Gate: make(chan struct{})})
	for _, ask := range [][]fetch.Range{{{-100, 0}}, {{10, 20}, {200_000, 200_001}}, {{0, 20}}} {
		if err := f.download(t, fetch.Options{Ranges: ask}); !errors.Is(err, fetch.ErrNoRanges) {
			t.Errorf("%v: %v", ask, err)
		}
	}
	f.ClearFaults()
	f.Fault(upstream.Fault{Path: ".zip", Status: 206, Body: f.zip[10:20], Header: map[string]string{"Content-Range": "bytes 10-19/*"}})
	if err := f.download(t, fetch.Options{Ranges: []fetch.Range{{10, 20}}}); !errors.Is(err, fetch.ErrNoRanges) {
		t.Errorf("a file of unknown length: %v", err)
	}
	f.ClearFaults()
	f.whole(t, f.download(t, fetch.Options{}))
}

// What a part holds is kept when ranges of it cannot be had, and is not mixed with another file's.
func TestRangesOfAnotherFile(t *testing.T) {
	size := strconv.Itoa(len(newFixture(t).zip))
	for _, tt := range []struct {
		name  string
		fault upstream.Fault
		want  error
	}{
		{"another validator", upstream.Fault{Rewrite: func(b []byte) []byte { b[150_000]++; return b }}, fetch.ErrChanged},
		{"another length", upstream.Fault{Extra: 1, NoETag: true}, fetch.ErrChanged},
		{"another length, sent as a whole", upstream.Fault{Extra: 1, NoETag: true, NoRange: true}, fetch.ErrChanged},
		{"another place", upstream.Fault{Status: 206, Body: make([]byte, 10),
			Header: map[string]string{"Content-Range": "bytes 199999-200009/" + size}}, fetch.ErrChanged},
		{"another validator in 206", upstream.Fault{Status: 206, Body: make([]byte, 10),
			Header: map[string]string{"Content-Range": "bytes 200000-200009/" + size, "ETag": `"x"`}}, fetch.ErrChanged},
		{"no place", upstream.Fault{Status: 206, Body: make([]byte, 10)}, fetch.ErrChanged},
		{"beyond the end", upstream.Fault{Status: 416, Header: map[string]string{"Content-Range": "bytes */5"}}, fetch.ErrChanged},
		{"no ranges any more", upstream.Fault{NoRange: true}, fetch.ErrNoRanges},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			if err := f.download(t, fetch.Options{Ranges: []fetch.Range{{0, 10_000}, {100_000, 110_000}}}); err != nil {
				t.Fatal(err)
			}
			tt.fault.Path = ".zip"
			f.Fault(tt.fault)
			if err := f.download(t, fetch.Options{Ranges: []fetch.Range{{200_000, 200_010}}}); !errors.Is(err, tt.want) {
				t.Errorf("error is %v", err)
			}
			if held := f.holds(t, f.part); len(held) != 2 {
				t.Errorf("the part holds %v", held)
			}
			f.ClearFaults()
			f.whole(t, f.download(t, fetch.Options{}))
		})
	}
}

// A range that ends early is continued, one that goes on too long is refused.
func TestRangeOfWrongLength(t *testing.T) {
	f := newFixture(t)
	header := map[string]string{"Content-Range": "bytes 10-9009/" + strconv.Itoa(len(f.zip))}
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, Status: 206, Body: f.zip[10:5000], Header: header})
	if err := f.download(t, fetch.Options{Ranges: []fetch.Range{{10, 9010}}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bytes=10-9009", "bytes=5000-9009"}, f.ranges()); diff != "" {
		t.Error(diff)
	}
	f.holds(t, f.part)
	f.Fault(upstream.Fault{Path: ".zip", Status: 206, Body: make([]byte, 1000),
		Header: map[string]string{"Content-Range": "bytes 100000-100099/" + strconv.Itoa(len(f.zip))}})
	err := f.download(t, fetch.Options{Ranges: []fetch.Range{{100_000, 100_100}}})
	if err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("error is %v", err)
	}
	f.holds(t, f.part)
}

// A sparse part of a file that is another one by now starts again when the whole is asked for.
func TestWholeAfterRangesOfAnotherFile(t *testing.T) {
	for _, noETag := range []bool{false, true} {
		f := newFixture(t)
		f.Fault(upstream.Fault{Path: ".zip", NoETag: noETag})
		if err := f.download(t, fetch.Options{Ranges: []fetch.Range{{0, 10_000}, {100_000, 110_000}}}); err != nil {
			t.Fatal(err)
		}
		f.zip = bytes.Repeat([]byte("changed "), 60_000)
		f.SetZip("1.22.6", linux, f.zip)
		f.whole(t, f.download(t, fetch.Options{}))
	}
}

// Whatever is on the disk when the process ends, the part holds what its state claims, and the next download goes on.
func TestStateAtEveryInstant(t *testing.T) {
	for _, tt := range []struct {
		name string
		opt  fetch.Options
		set  func(f *fixture)
	}{
		{name: "whole"},
		{name: "ranges", opt: fetch.Options{Ranges: []fetch.Range{{-5000, 0}, {1000, 90_000}, {160_000, 250_000}}}},
		{name: "broken", opt: fetch.Options{Ranges: []fetch.Range{{1000, 90_000}, {160_000, 250_000}}},
			set: func(f *fixture) { f.Fault(upstream.Fault{Path: ".zip", Times: 2, CutAt: 20_000}) }},
		{name: "started again", set: func(f *fixture) {
			f.Fault(upstream.Fault{Path: ".zip", Times: 1, CutAt: 100_000, NoETag: true})
			f.Fault(upstream.Fault{Path: ".zip", Times: 1, NoRange: true})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			if tt.set != nil {
				tt.set(f)
			}
			var snapshots []string
			dir := t.TempDir()
			tt.opt.Progress = func(int64, int64) {
				snapshot := filepath.Join(dir, strconv.Itoa(len(snapshots)))
				snapshots = append(snapshots, snapshot)
				copyFile(t, f.part, snapshot)
				copyFile(t, fetch.StatePath(f.part), fetch.StatePath(snapshot))
			}
			if err := f.download(t, tt.opt); err != nil {
				t.Fatal(err)
			}
			f.ClearFaults()
			if len(snapshots) < 3 {
				t.Fatalf("%d instants only", len(snapshots))
			}
			for _, snapshot := range append(snapshots, f.part) {
				f.holds(t, snapshot)
				f.part = snapshot
				f.whole(t, f.download(t, fetch.Options{}))
			}
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// A state that was cut off anywhere claims no more than there is.
func TestStateCutOff(t *testing.T) {
	f := newFixture(t)
	if err := f.download(t, fetch.Options{Ranges: []fetch.Range{{1000, 90_000}, {160_000, 250_000}}}); err != nil {
		t.Fatal(err)
	}
	state, err := os.ReadFile(fetch.StatePath(f.part))
	if err != nil {
		t.Fatal(err)
	}
	sparse, err := os.ReadFile(f.part)
	if err != nil {
		t.Fatal(err)
	}
	header := len(strings.Join(strings.SplitAfter(string(state), "\n")[:5], "")) // with the extent that says how much of a beginning there is
	for n := range len(state) {
		if n >= header-4 && n < header || n < header-4 && n%16 > 0 { // the part was not sparse yet; the same again and again
			continue
		}
		if err := errors.Join(os.WriteFile(f.part, sparse, 0o600), os.WriteFile(fetch.StatePath(f.part), state[:n], 0o600)); err != nil {
			t.Fatal(err)
		}
		if n >= header {
			f.holds(t, f.part)
		}
		f.whole(t, f.download(t, fetch.Options{Ranges: []fetch.Range{{0, int64(len(f.zip))}}}))
	}
}

// A part that is shorter than its state says is not believed.
func TestPartShorterThanItsState(t *testing.T) {
	f := newFixture(t)
	if err := f.download(t, fetch.Options{Ranges: []fetch.Range{{1000, 90_000}, {160_000, 250_000}}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(f.part, 200_000); err != nil {
		t.Fatal(err)
	}
	if held, _, ok := fetch.Held(f.part); ok {
		t.Errorf("the part is said to hold %v", held)
	}
	f.whole(t, f.download(t, fetch.Options{}))
}

// A part that is longer than the file is not believed either.
func TestPartLongerThanTheFile(t *testing.T) {
	f := newFixture(t)
	f.whole(t, f.download(t, fetch.Options{}))
	if err := os.WriteFile(f.part, append(f.zip[:len(f.zip):len(f.zip)], "too much"...), 0o600); err != nil {
		t.Fatal(err)
	}
	f.whole(t, f.download(t, fetch.Options{}))
}

func TestInterruptedRangesResume(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.client.Pause = func(context.Context, time.Duration) error { cancel(); return ctx.Err() }
	f.Fault(upstream.Fault{Path: ".zip", CutAt: 30_000})
	opt := fetch.Options{Ranges: []fetch.Range{{1000, 90_000}, {160_000, 250_000}}}
	if err := f.client.Download(ctx, f.url, f.part, opt); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	var had int64
	for _, r := range f.holds(t, f.part) {
		had += r.End - r.Start
	}
	if had < 30_000 {
		t.Errorf("only %d bytes were kept", had)
	}
	f.ClearFaults()
	f.ClearRequests()
	if err := f.download(t, opt); err != nil {
		t.Fatal(err)
	}
	if _, sent := f.Count(".zip"); sent != 179_000-had {
		t.Errorf("%d bytes were sent, want %d", sent, 179_000-had)
	}
	for _, q := range f.Requests() {
		if q.Status != http.StatusPartialContent {
			t.Errorf("request for %q is answered with %d", q.Range, q.Status)
		}
	}
}
