package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/tests/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var linux = release.Platform{OS: "linux", Arch: "amd64"}

// fixture is an upstream with one zip of 300 kB, and a client that counts its pauses instead
// of pausing.
type fixture struct {
	*upstream.Server
	client fetch.Client
	zip    []byte
	url    string
	part   string
	pauses []time.Duration
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{Server: upstream.Start(t, upstream.Config{Padding: 300 << 10}), part: filepath.Join(t.TempDir(), "x.part")}
	f.zip = f.Zip("1.22.6", linux)
	f.url = f.URL + "/golang.org/toolchain/@v/v0.0.1-go1.22.6.linux-amd64.zip"
	f.client.Pause = func(ctx context.Context, d time.Duration) error {
		f.pauses = append(f.pauses, d)
		return ctx.Err()
	}
	t.Cleanup(f.client.CloseIdle)
	return f
}

func (f *fixture) download(t *testing.T, opt fetch.Options) error {
	t.Helper()
	return f.client.Download(t.Context(), f.url, f.part, opt)
}

// whole checks that the part is the zip.
func (f *fixture) whole(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(f.part)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, f.zip) {
		t.Errorf("part has %d bytes that are not the zip's %d", len(got), len(f.zip))
	}
}

func TestGet(t *testing.T) {
	f := newFixture(t)
	got, err := f.client.Get(t.Context(), f.url, int64(len(f.zip)))
	if err != nil || !bytes.Equal(got, f.zip) {
		t.Errorf("Get returned %d bytes, %v", len(got), err)
	}
	if _, err := f.client.Get(t.Context(), f.url, int64(len(f.zip))-1); !errors.Is(err, fetch.ErrTooLarge) {
		t.Errorf("with too small a limit: %v", err)
	}
	if n, err := f.client.Size(t.Context(), f.url); err != nil || n != int64(len(f.zip)) {
		t.Errorf("Size is %d, %v", n, err)
	}
}

func TestStatusCodes(t *testing.T) {
	f := newFixture(t)
	for _, tt := range []struct {
		code     int
		missing  bool
		attempts int
	}{
		{404, true, 1}, {410, true, 1}, {403, false, 1}, {401, false, 1}, {501, false, 1},
		{500, false, 5}, {502, false, 5}, {503, false, 5}, {504, false, 5}, {429, false, 5},
	} {
		f.ClearFaults()
		f.ClearRequests()
		f.Fault(upstream.Fault{Path: ".zip", Status: tt.code})
		_, err := f.client.Get(t.Context(), f.url, 1<<20)
		var status *fetch.StatusError
		if !errors.As(err, &status) || status.Code != tt.code || errors.Is(err, fs.ErrNotExist) != tt.missing {
			t.Errorf("status %d: error %v", tt.code, err)
		}
		if n, _ := f.Count(".zip"); n != tt.attempts {
			t.Errorf("status %d: %d attempts, want %d", tt.code, n, tt.attempts)
		}
		if err := f.download(t, fetch.Options{}); !errors.As(err, &status) || status.Code != tt.code {
			t.Errorf("status %d: Download: %v", tt.code, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	f := newFixture(t)
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, Status: 429, Header: map[string]string{"Retry-After": "7"}})
	date := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, Status: 503, Header: map[string]string{"Retry-After": date}})
	f.whole(t, f.download(t, fetch.Options{}))
	if len(f.pauses) != 2 || f.pauses[0] != 7*time.Second || f.pauses[1] < 55*time.Second {
		t.Errorf("pauses are %v, want 7s and about a minute", f.pauses)
	}
	f.Fault(upstream.Fault{Path: ".zip", Status: 503, Header: map[string]string{"Retry-After": "86400"}})
	if _, err := f.client.Get(t.Context(), f.url, 1<<20); err == nil || len(f.pauses) != 2 {
		t.Errorf("asked to wait for a day: %v after pauses %v", err, f.pauses)
	}
}

func TestWebPageInsteadOfFile(t *testing.T) {
	f := newFixture(t)
	f.Fault(upstream.Fault{Path: ".zip", Body: []byte("<html>log in"), Header: map[string]string{"Content-Type": "text/html; charset=utf-8"}})
	for what, err := range map[string]error{"Download": f.download(t, fetch.Options{}), "Get": second(f.client.Get(t.Context(), f.url, 1<<20))} {
		if err == nil || !strings.Contains(err.Error(), "web page") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n, err := f.client.Size(t.Context(), f.url); n != -1 || err != nil {
		t.Errorf("Size of a web page: %d, %v", n, err)
	}
}

func second[T any](_ T, err error) error { return err }

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
		f.zip = bytes.Repeat([]byte("changed "), 40_000)
		f.SetZip("1.22.6", linux, f.zip)
		f.whole(t, f.download(t, fetch.Options{}))
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

func TestUnaskedEncoding(t *testing.T) {
	f := newFixture(t)
	f.Fault(upstream.Fault{Path: ".zip", Header: map[string]string{"Content-Encoding": "br"}})
	if err := f.download(t, fetch.Options{}); err == nil || !strings.Contains(err.Error(), `"br"`) {
		t.Errorf("error is %v", err)
	}
}

func TestRedirects(t *testing.T) {
	f := newFixture(t)
	var target atomic.Value
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.Load().(string), http.StatusFound)
	}))
	defer secure.Close()
	client := fetch.Client{HTTP: secure.Client(), Pause: f.client.Pause}
	target.Store(f.url + "?token=secret")
	_, err := client.Get(t.Context(), secure.URL, 1<<20)
	if err == nil || !strings.Contains(err.Error(), "https to http") {
		t.Errorf("https to http: %v", err)
	}
	if n, _ := f.Count(".zip"); n != 0 {
		t.Error("the redirect was followed")
	}
}

func TestErrorsHideSecrets(t *testing.T) {
	f := newFixture(t)
	f.Fault(upstream.Fault{Path: ".zip", Times: 3, Status: 403})
	url := strings.Replace(f.url, "http://", "http://me:secret@", 1) + "?token=secret"
	errs := []error{
		second(f.client.Get(t.Context(), url, 1)), second(f.client.Size(t.Context(), url)),
		f.client.Download(t.Context(), url, f.part, fetch.Options{}),
	}
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, Status: 302, Header: map[string]string{"Location": "http://me:secret@[::1?secret"}})
	errs = append(errs, second(f.client.Get(t.Context(), url, 1)))
	f.Close()
	errs = append(errs, second(f.client.Get(t.Context(), url, 1)),
		second(f.client.Get(t.Context(), "http://me:secret@[::1/?secret", 1)),
		second(f.client.Get(t.Context(), "gopher://me:secret@x/?secret", 1)))
	for i, err := range errs {
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %d is %v", i, err)
		}
	}
	state, _ := os.ReadFile(fetch.StatePath(f.part))
	if bytes.Contains(state, []byte("secret")) {
		t.Errorf("state is %q", state)
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

func TestLocal(t *testing.T) {
	f := newFixture(t)
	file := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := "file://" + strings.ReplaceAll(file, " ", "%20")
	if got, ok := fetch.Local(url); !ok || got != file {
		t.Errorf("Local is %q, %v", got, ok)
	}
	for _, bad := range []string{"https://x/y", "/abs", "file://host/x", "file:", "%"} {
		if got, ok := fetch.Local(bad); ok {
			t.Errorf("Local(%q) is %q", bad, got)
		}
	}
	if got, err := f.client.Get(t.Context(), url, 5); err != nil || string(got) != "12345" {
		t.Errorf("Get: %q, %v", got, err)
	}
	if _, err := f.client.Get(t.Context(), url, 4); !errors.Is(err, fetch.ErrTooLarge) {
		t.Errorf("Get beyond the limit: %v", err)
	}
	if _, err := f.client.Get(t.Context(), url+"x", 4); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get of a missing file: %v", err)
	}
	if n, err := f.client.Size(t.Context(), url); n != 5 || err != nil {
		t.Errorf("Size: %d, %v", n, err)
	}
}
