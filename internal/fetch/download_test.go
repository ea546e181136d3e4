package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"gostore/internal/fetch"
	"gostore/tests/upstream"
)

func TestDroppedConnectionResumes(t *testing.T) {
	f := newFixture(t)
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, CutAt: 100_000})
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, CutAt: 100_000})
	var last [2]int64
	f.whole(t, f.download(t, fetch.Options{Progress: func(done, total int64) { last = [2]int64{done, total} }}))
	if n := int64(len(f.zip)); last != [2]int64{n, n} {
		t.Errorf("last progress %v, want %d", last, n)
	}
	if n, sent := f.Count(".zip"); n != 3 || sent != int64(len(f.zip)) {
		t.Errorf("%d requests for %d bytes, want 3 for %d", n, sent, len(f.zip))
	}
}

// A broken connection ends the process's attempts; the next process goes on.
func TestResumesInAnotherCall(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault upstream.Fault
		again bool // all is fetched again
	}{
		{name: "entity tag"},
		{name: "no validator", fault: upstream.Fault{NoETag: true}},
		{name: "range ignored", fault: upstream.Fault{NoRange: true}, again: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			ctx, cancel := context.WithCancel(t.Context())
			fault := tt.fault
			fault.Path, fault.CutAt, fault.Times = ".zip", 200_000, 1
			f.Fault(fault)
			f.client.Pause = func(context.Context, time.Duration) error { cancel(); return ctx.Err() }
			if err := f.client.Download(ctx, f.url, f.part, fetch.Options{}); !errors.Is(err, context.Canceled) {
				t.Fatalf("interrupted download: %v", err)
			}
			have, _ := os.Stat(f.part)
			if have == nil || have.Size() < 100_000 {
				t.Fatalf("part is %v, want most of what was sent", have)
			}
			f.ClearFaults()
			f.ClearRequests()
			fault = tt.fault
			fault.Path = ".zip"
			f.Fault(fault)
			f.whole(t, f.download(t, fetch.Options{}))
			want := int64(len(f.zip)) - have.Size()
			if tt.again {
				want = int64(len(f.zip))
			}
			if _, sent := f.Count(".zip"); sent != want {
				t.Errorf("the second call got %d bytes, want %d", sent, want)
			}
			f.ClearRequests()
			f.whole(t, f.download(t, fetch.Options{}))
			if n, _ := f.Count(".zip"); n != 0 {
				t.Errorf("a whole part was asked for again")
			}
		})
	}
}

// As long as there is progress, a connection may break more often than is tried in vain.
func TestBreaksAgainAndAgain(t *testing.T) {
	f := newFixture(t)
	f.Fault(upstream.Fault{Path: ".zip", CutAt: 70_000})
	f.whole(t, f.download(t, fetch.Options{}))
	if n, _ := f.Count(".zip"); n != 6 {
		t.Errorf("%d requests, want 6", n)
	}
}

// A server may answer with less than the rest that was asked for.
func TestShortRange(t *testing.T) {
	f := newFixture(t)
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, CutAt: 100_000})
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, Status: 206, Body: f.zip[100_000:150_000],
		Header: map[string]string{"Content-Range": "bytes 100000-149999/" + strconv.Itoa(len(f.zip))}})
	f.whole(t, f.download(t, fetch.Options{}))
}

// A server that continues at another place than it was asked to is not believed.
func TestWrongRange(t *testing.T) {
	f := newFixture(t)
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, CutAt: 100_000})
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, Status: 206, Body: f.zip[90_000:],
		Header: map[string]string{"Content-Range": "bytes 90000-/" + strconv.Itoa(len(f.zip))}})
	f.whole(t, f.download(t, fetch.Options{}))
	if n, _ := f.Count(".zip"); n != 3 {
		t.Errorf("%d requests, want 3: the last one from the beginning", n)
	}
}

// What a part holds is not continued with bytes of another file.
func TestChangedFileStartsAgain(t *testing.T) {
	for _, noETag := range []bool{false, true} {
		f := newFixture(t)
		f.Fault(upstream.Fault{Path: ".zip", CutAt: 50_000, NoETag: noETag})
		if err := f.download(t, fetch.Options{}); err == nil {
			t.Fatal("truncated download succeeded")
		}
		f.ClearFaults()
		f.Fault(upstream.Fault{Path: ".zip", NoETag: noETag})
		f.zip = bytes.Repeat([]byte("changed "), 60_000)
		f.SetZip("1.22.6", linux, f.zip)
		f.ClearRequests()
		f.whole(t, f.download(t, fetch.Options{}))
		if n, _ := f.Count(".zip"); n != 1 && !noETag {
			t.Errorf("%d requests, want 1: If-Range makes the server send all of the changed file", n)
		}
	}
}

func TestPartOfAnotherURLStartsAgain(t *testing.T) {
	f := newFixture(t)
	if err := f.client.Download(t.Context(), strings.Replace(f.url, "1.22.6", "1.22.5", 1), f.part, fetch.Options{}); err != nil {
		t.Fatal(err)
	}
	f.whole(t, f.download(t, fetch.Options{}))
	for _, state := range []string{"", "nonsense", "a\nb\nc\n"} {
		if err := os.WriteFile(f.part, []byte("not a zip"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(fetch.StatePath(f.part), []byte(state), 0o600); err != nil {
			t.Fatal(err)
		}
		f.whole(t, f.download(t, fetch.Options{}))
	}
}

// The length is learnt from 416 when a part is whole but nothing says so.
func TestRangeBeyondTheEnd(t *testing.T) {
	f := newFixture(t)
	f.whole(t, f.download(t, fetch.Options{}))
	state, err := os.ReadFile(fetch.StatePath(f.part))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(state), "\n")
	lines[1] = "-1"
	for _, extra := range []string{"", "too much"} {
		if err := os.WriteFile(fetch.StatePath(f.part), []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.part, append(f.zip[:len(f.zip):len(f.zip)], extra...), 0o600); err != nil {
			t.Fatal(err)
		}
		f.whole(t, f.download(t, fetch.Options{}))
	}
}

func TestTruncated(t *testing.T) {
	f := newFixture(t)
	f.Fault(upstream.Fault{Path: ".zip", CutAt: 10_000})
	var broken *fetch.Error
	if err := f.download(t, fetch.Options{}); !errors.As(err, &broken) {
		t.Errorf("Download: %v", err)
	}
	if n, _ := f.Count(".zip"); n != 5 {
		t.Errorf("%d attempts, want 5", n)
	}
	if _, err := f.client.Get(t.Context(), f.url, 1<<20); !errors.As(err, &broken) {
		t.Errorf("Get: %v", err)
	}
}

func TestOversized(t *testing.T) {
	f := newFixture(t)
	err := f.download(t, fetch.Options{MaxSize: int64(len(f.zip)) - 1})
	if !errors.Is(err, fetch.ErrTooLarge) {
		t.Errorf("stated length beyond the limit: %v", err)
	}
	if info, _ := os.Stat(f.part); info.Size() != 0 {
		t.Errorf("%d bytes were written", info.Size())
	}
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, err := w.Write(f.zip); err == nil; _, err = w.Write(f.zip) {
		}
	}))
	defer endless.Close()
	if err := f.client.Download(t.Context(), endless.URL, f.part, fetch.Options{MaxSize: 1 << 20}); !errors.Is(err, fetch.ErrTooLarge) {
		t.Errorf("no stated length: %v", err)
	}
	if info, _ := os.Stat(f.part); info.Size() > 1<<20 {
		t.Errorf("%d bytes were written", info.Size())
	}
	if _, err := f.client.Get(t.Context(), endless.URL, 1<<20); !errors.Is(err, fetch.ErrTooLarge) {
		t.Errorf("Get: %v", err)
	}
}

// A continued answer that runs past the whole file is refused, and the part with it.
func TestContinuedBeyondTheStatedTotal(t *testing.T) {
	f := newFixture(t)
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, CutAt: 100_000})
	f.Fault(upstream.Fault{Path: ".zip", Status: 206, Body: make([]byte, 400_000),
		Header: map[string]string{"Content-Range": "bytes 100000-499999/" + strconv.Itoa(len(f.zip))}})
	if err := f.download(t, fetch.Options{}); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("error is %v", err)
	}
	f.ClearFaults()
	f.whole(t, f.download(t, fetch.Options{}))
}

func TestSlowIsFineStalledIsNot(t *testing.T) {
	f := newFixture(t)
	f.client.Stall = 50 * time.Millisecond
	gate := make(chan struct{})
	f.Fault(upstream.Fault{Path: ".zip", Gate: gate})
	var stalled *fetch.Error
	if err := f.download(t, fetch.Options{}); !errors.As(err, &stalled) || !strings.Contains(err.Error(), "stopped sending") {
		t.Fatalf("stalled: %v", err)
	}
	f.client.Stall = time.Minute
	done := make(chan struct{})
	defer close(done)
	go func() { // one piece at a time, each after the last has been taken
		for {
			select {
			case gate <- struct{}{}:
			case <-done:
				return
			}
		}
	}()
	f.whole(t, f.download(t, fetch.Options{}))
}

func TestSilentServer(t *testing.T) {
	f := newFixture(t)
	f.client.FirstByte = 20 * time.Millisecond
	f.Fault(upstream.Fault{Path: ".zip", Hook: func(r *http.Request) { <-r.Context().Done() }})
	if err := f.download(t, fetch.Options{}); err == nil || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("error is %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	f := newFixture(t)
	f.Close()
	var network *fetch.Error
	if err := f.download(t, fetch.Options{}); !errors.As(err, &network) || len(f.pauses) != 0 {
		t.Errorf("error is %v after pauses %v", err, f.pauses)
	}
}

func TestInterruptKeepsThePart(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := f.client.Download(ctx, f.url, f.part, fetch.Options{Progress: func(done, _ int64) {
		if done > 0 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error is %v", err)
	}
	if info, _ := os.Stat(f.part); info.Size() == 0 {
		t.Error("the part is empty")
	}
	f.whole(t, f.download(t, fetch.Options{}))
}

// An empty part is not truncated: of its file an ext4 would write out everything when it is closed, needed or not. A truncated file has a new time.
func TestEmptyPartIsNotTruncated(t *testing.T) {
	f := newFixture(t)
	long := time.Unix(1, 0)
	if err := errors.Join(os.WriteFile(f.part, nil, 0o600), os.Chtimes(f.part, long, long)); err != nil {
		t.Fatal(err)
	}
	f.Fault(upstream.Fault{Path: ".zip", Status: 404})
	if err := f.download(t, fetch.Options{}); err == nil {
		t.Fatal("what is not there was downloaded")
	}
	if fi, err := os.Stat(f.part); err != nil || !fi.ModTime().Equal(long) {
		t.Errorf("the part was changed at %v, %v", fi.ModTime(), err)
	}
}

func TestDiskFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	f := newFixture(t)
	if err := os.Symlink("/dev/full", f.part); err != nil {
		t.Fatal(err)
	}
	err := f.download(t, fetch.Options{})
	var local *fs.PathError
	if !errors.As(err, &local) || len(f.pauses) != 0 {
		t.Errorf("error is %v after pauses %v", err, f.pauses)
	}
}
