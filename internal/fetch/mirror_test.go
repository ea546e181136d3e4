package fetch_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gostore/internal/fetch"
	"gostore/tests/upstream"
)

// mirrored is a fixture with a mirror, whose client asks the mirror first.
type mirrored struct {
	*fixture
	mirror *upstream.Server
}

func newMirrored(t *testing.T) *mirrored {
	f := &mirrored{newFixture(t), upstream.Start(t, upstream.Config{Padding: 300 << 10})}
	f.mirror.SetZip("1.22.6", linux, f.zip)
	f.client.Mirrors = []fetch.Mirror{{Prefix: f.URL + "/", To: []string{f.mirror.URL + "/"}}}
	return f
}

// asked checks how many requests for the zip the mirror and the original got.
func (f *mirrored) asked(t *testing.T, what string, mirror, original int) {
	t.Helper()
	m, _ := f.mirror.Count(".zip")
	o, _ := f.Count(".zip")
	if m != mirror || o != original {
		t.Errorf("%s: the mirror was asked %d times and the original %d times, want %d and %d", what, m, o, mirror, original)
	}
}

func TestOnlyDownloadUsesMirrors(t *testing.T) {
	f := newMirrored(t)
	f.whole(t, f.download(t, fetch.Options{}))
	f.asked(t, "Download", 1, 0)
	if _, err := f.client.Get(t.Context(), f.url, 1<<20); err != nil {
		t.Error(err)
	}
	if _, err := f.client.Size(t.Context(), f.url); err != nil {
		t.Error(err)
	}
	f.asked(t, "Download, Get, Size", 1, 2)
}

// A mirror that does not deliver costs one request and no pause.
func TestMirrorThatDoesNotDeliver(t *testing.T) {
	for name, fault := range map[string]upstream.Fault{
		"does not have it": {Status: 404}, "forbids it": {Status: 403}, "fails": {Status: 500}, "is busy": {Status: 503},
		"sends a page":      {Body: []byte("<html>"), Header: map[string]string{"Content-Type": "text/html"}},
		"asks for too much": {Status: 429, Header: map[string]string{"Retry-After": "86400"}},
		"breaks at once":    {CutAt: 10},
	} {
		t.Run(name, func(t *testing.T) {
			f := newMirrored(t)
			fault.Path = ".zip"
			f.mirror.Fault(fault)
			f.whole(t, f.download(t, fetch.Options{}))
			f.asked(t, name, 1, 1)
			if len(f.pauses) != 0 {
				t.Errorf("pauses %v", f.pauses)
			}
		})
	}
}

// A mirror that is not there is asked once, not once for each file.
func TestMirrorThatIsNotThere(t *testing.T) {
	f := newMirrored(t)
	f.mirror.Close()
	gone := f.mirror.URL + "/"
	f.client.Mirrors[0].To = []string{gone, "http://127.0.0.1:1/"}
	f.whole(t, f.download(t, fetch.Options{}))
	if err := os.Remove(f.part); err != nil {
		t.Fatal(err)
	}
	f.Fault(upstream.Fault{Path: ".zip", Status: 403})
	err := f.download(t, fetch.Options{})
	if err == nil || strings.Contains(err.Error(), gone) {
		t.Errorf("the second time: %v", err)
	}
	if len(f.pauses) != 0 {
		t.Errorf("pauses %v", f.pauses)
	}
}

func TestSilentMirror(t *testing.T) {
	f := newMirrored(t)
	f.client.FirstByte = 800 * time.Millisecond
	f.mirror.Fault(upstream.Fault{Path: ".zip", Hook: func(r *http.Request) { <-r.Context().Done() }})
	for range 2 {
		f.whole(t, f.download(t, fetch.Options{}))
		if err := os.Remove(f.part); err != nil {
			t.Fatal(err)
		}
	}
	f.asked(t, "two files", 1, 2)
}

// With and without mirrors there is one budget, and the pauses are as long in all.
func TestOneBudget(t *testing.T) {
	sums := map[int]time.Duration{}
	for _, mirrors := range []int{0, 1, 3, 7} {
		f := newFixture(t)
		rule := fetch.Mirror{Prefix: f.URL + "/"}
		for i := range mirrors {
			rule.To = append(rule.To, f.URL+"/"+strconv.Itoa(i)+"/")
		}
		f.client.Mirrors = []fetch.Mirror{rule}
		f.Fault(upstream.Fault{Path: ".zip", Status: 503})
		err := f.download(t, fetch.Options{})
		var status *fetch.StatusError
		if !errors.As(err, &status) || status.Code != 503 || status.URL != f.url {
			t.Errorf("%d mirrors: %v, want what the original says", mirrors, err)
		}
		for _, to := range rule.To {
			if !strings.Contains(err.Error(), to) {
				t.Errorf("%d mirrors: %v does not name %s", mirrors, err, to)
			}
		}
		if n, _ := f.Count(".zip"); n != max(5, mirrors+1) {
			t.Errorf("%d mirrors: %d requests", mirrors, n)
		}
		for _, d := range f.pauses {
			sums[mirrors] += d
		}
	}
	if sums[0] < 3750*time.Millisecond || sums[1] < 1750*time.Millisecond || sums[3] < 1750*time.Millisecond || sums[7] != 0 {
		t.Errorf("pauses by number of mirrors: %v", sums)
	}
}

// Who asked for time is left in peace, others are asked meanwhile.
func TestRetryAfterOfMirrors(t *testing.T) {
	f := newMirrored(t)
	f.mirror.Fault(upstream.Fault{Path: ".zip", Status: 429, Header: map[string]string{"Retry-After": "60"}})
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, Status: 503, Header: map[string]string{"Retry-After": "7"}})
	f.whole(t, f.download(t, fetch.Options{}))
	f.asked(t, "60 s and 7 s", 1, 2)
	if len(f.pauses) != 1 || f.pauses[0] != 7*time.Second {
		t.Errorf("pauses %v", f.pauses)
	}
	for _, s := range []*upstream.Server{f.mirror, f.Server} {
		s.ClearFaults()
		s.ClearRequests()
		s.Fault(upstream.Fault{Path: ".zip", Status: 503, Header: map[string]string{"Retry-After": "86400"}})
	}
	f.url = strings.Replace(f.url, "1.22.6", "1.22.5", 1)
	if err := f.download(t, fetch.Options{}); err == nil || len(f.pauses) != 1 {
		t.Errorf("both ask for a day: %v after pauses %v", err, f.pauses)
	}
	f.asked(t, "a day", 1, 1)
}

// What the original says counts most, whoever was asked last.
func TestTheOriginalTells(t *testing.T) {
	f := newMirrored(t)
	f.mirror.Fault(upstream.Fault{Path: ".zip", Status: 503})
	f.Fault(upstream.Fault{Path: ".zip", Status: 404})
	err := f.download(t, fetch.Options{})
	var status *fetch.StatusError
	if !errors.As(err, &status) || status.Code != 404 || !strings.Contains(err.Error(), f.mirror.URL) {
		t.Errorf("error is %v", err)
	}
	f.asked(t, "404 from the original", 5, 1)
}

// What a mirror brought is not fetched again.
func TestResumesAtAnotherCandidate(t *testing.T) {
	f := newMirrored(t)
	f.mirror.Fault(upstream.Fault{Path: ".zip", Times: 1, CutAt: 100_000})
	f.mirror.Fault(upstream.Fault{Path: ".zip", Status: 404})
	f.whole(t, f.download(t, fetch.Options{}))
	f.asked(t, "broken mirror", 2, 1)
	if _, rest := f.Count(".zip"); rest != int64(len(f.zip))-100_000 {
		t.Errorf("the original sent %d bytes of %d, of which the mirror had sent 100000", rest, len(f.zip))
	}
}

// A mirror that serves a file of another length brings nothing into the part.
func TestMirrorWithAnotherFile(t *testing.T) {
	f := newMirrored(t)
	f.Fault(upstream.Fault{Path: ".zip", Times: 1, CutAt: 100_000})
	f.mirror.Fault(upstream.Fault{Path: ".zip", Times: 1, Status: 503})
	f.mirror.SetZip("1.22.6", linux, f.zip[:250_000])
	f.mirror.Fault(upstream.Fault{Path: ".zip", Status: 404})
	f.whole(t, f.download(t, fetch.Options{}))
}

// A mirror that lies is found out by the caller, which then gets the file from elsewhere.
func TestDistrust(t *testing.T) {
	f := newMirrored(t)
	f.mirror.SetZip("1.22.6", linux, make([]byte, len(f.zip)))
	if err := f.download(t, fetch.Options{}); err != nil {
		t.Fatal(err)
	}
	if !f.client.Distrust(f.url) {
		t.Error("it is said that another download brings nothing else")
	}
	if err := os.Remove(f.part); err != nil {
		t.Fatal(err)
	}
	f.whole(t, f.download(t, fetch.Options{}))
	f.asked(t, "a liar", 1, 1)
	if f.client.Distrust(f.url) {
		t.Error("it is said that a third download brings something else")
	}
	f.client.Mirrors[0].To = append(f.client.Mirrors[0].To, fetch.MirrorOff)
	if other := f.url + ".other"; f.client.Distrust(other) {
		t.Error("there is nobody else to ask")
	}
}

func TestMirrorsOnly(t *testing.T) {
	f := newMirrored(t)
	f.client.Mirrors[0].To = []string{f.mirror.URL + "/other/", f.mirror.URL + "/", fetch.MirrorOff}
	f.mirror.Fault(upstream.Fault{Path: "/other/", Status: 403})
	f.mirror.Fault(upstream.Fault{Path: ".zip", Status: 404})
	err := f.download(t, fetch.Options{})
	var both *fetch.MirrorError
	if !errors.As(err, &both) || both.URL != f.url || len(both.Other) != 1 || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v, want that one mirror forbids it, which is not that it does not exist", err)
	}
	f.asked(t, "off", 2, 0)
	f.mirror.ClearFaults()
	f.mirror.Fault(upstream.Fault{Path: ".zip", Status: 404})
	if err := f.download(t, fetch.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v, want that it does not exist", err)
	}
}

func TestDirectoryAsMirror(t *testing.T) {
	f := newMirrored(t)
	dir := filepath.Join(t.TempDir(), "a mirror")
	path := filepath.Join(dir, strings.TrimPrefix(f.url, f.URL))
	f.client.Mirrors[0].To = []string{"file://" + strings.ReplaceAll(dir, " ", "%20") + "/", fetch.MirrorOff}
	if err := f.download(t, fetch.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.download(t, fetch.Options{}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory in place of the file: %v", err)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, f.zip, 0o600)); err != nil {
		t.Fatal(err)
	}
	f.client.Offline = true
	f.whole(t, f.download(t, fetch.Options{}))
	f.asked(t, "a directory", 0, 0)
}

// What goes wrong on this side is no reason to ask somebody else.
func TestLocalFailureWithMirrors(t *testing.T) {
	f := newMirrored(t)
	f.mirror.Fault(upstream.Fault{Path: ".zip", Hook: func(*http.Request) { _ = os.MkdirAll(filepath.Join(fetch.StatePath(f.part), "full"), 0o700) }})
	var local *fs.PathError
	if err := f.download(t, fetch.Options{}); !errors.As(err, &local) {
		t.Error(err)
	}
	f.asked(t, "a state that cannot be written", 1, 0)
}

func TestInterruptWithMirrors(t *testing.T) {
	f := newMirrored(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.mirror.Fault(upstream.Fault{Path: ".zip", Hook: func(r *http.Request) { cancel(); <-r.Context().Done() }})
	if err := f.client.Download(ctx, f.url, f.part, fetch.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	} else if strings.Contains(err.Error(), "before that") {
		t.Errorf("somebody else was asked: %v", err)
	}
	if n, _ := f.Count(".zip"); n != 0 {
		t.Errorf("the original was asked %d times after the interrupt", n)
	}
	f.mirror.ClearFaults()
	f.mirror.Fault(upstream.Fault{Path: ".zip", Status: 503})
	f.Fault(upstream.Fault{Path: ".zip", Status: 503})
	ctx, cancel = context.WithCancel(t.Context())
	f.client.Pause = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
	if err := f.client.Download(ctx, f.url, f.part, fetch.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("during a pause: %v", err)
	}
}

// A mirror may be http, but who begins with https is not led to http.
func TestMirrorRedirectsToPlain(t *testing.T) {
	f := newMirrored(t)
	secure := httptest.NewTLSServer(http.RedirectHandler(f.mirror.URL, http.StatusFound))
	defer secure.Close()
	f.client.HTTP = secure.Client()
	f.client.Mirrors[0].To = []string{secure.URL + "/"}
	f.whole(t, f.download(t, fetch.Options{}))
	f.asked(t, "redirect", 0, 1)
}

func TestMirrorErrorsHideSecrets(t *testing.T) {
	f := newMirrored(t)
	f.url += "?token=secret"
	f.client.Mirrors[0].To = []string{strings.Replace(f.mirror.URL, "//", "//me:secret@", 1) + "/", "http://me:secret@[::1/", "gopher://me:secret@x/"}
	f.Fault(upstream.Fault{Path: ".zip", Status: 403})
	f.mirror.Fault(upstream.Fault{Path: ".zip", Status: 403})
	err := f.download(t, fetch.Options{})
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Count(err.Error(), "status 403") != 2 {
		t.Errorf("error is %v", err)
	}
}
