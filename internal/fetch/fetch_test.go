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
	f.Fault(upstream.Fault{Path: ".zip", Times: 3, Status: 403,
		Body: []byte("\x1b[31mask at https://me:secret@x/?secret\n"), Header: map[string]string{"Content-Type": "text/plain"}})
	url := strings.Replace(f.url, "http://", "http://me:secret@", 1) + "?token=secret"
	errs := []error{
		second(f.client.Get(t.Context(), url, 1)), second(f.client.Size(t.Context(), url)),
		f.client.Download(t.Context(), url, f.part, fetch.Options{}),
	}
	f.Fault(upstream.Fault{Path: ".zip", Status: 302, Header: map[string]string{"Location": "http://me:secret@[::1?secret"}})
	errs = append(errs, second(f.client.Get(t.Context(), url, 1)))
	f.Close()
	errs = append(errs, second(f.client.Get(t.Context(), url, 1)),
		second(f.client.Get(t.Context(), "http://me:secret@[::1/?secret", 1)),
		second(f.client.Get(t.Context(), "gopher://me:secret@x/?secret", 1)))
	for i, err := range errs {
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("error %d is %v", i, err)
		}
	}
	state, _ := os.ReadFile(fetch.StatePath(f.part))
	if bytes.Contains(state, []byte("secret")) {
		t.Errorf("state is %q", state)
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
