package fetch_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"gostore/internal/fetch"
)

// refuse is a transport that no request may reach.
type refuse struct{ t *testing.T }

func (r refuse) RoundTrip(req *http.Request) (*http.Response, error) {
	r.t.Errorf("a request for %s was sent", req.URL)
	return nil, net.ErrClosed
}

func TestOffline(t *testing.T) {
	f := newMirrored(t)
	f.whole(t, f.download(t, fetch.Options{}))
	offline := fetch.Client{
		Offline: true, HTTP: &http.Client{Transport: refuse{t}}, Mirrors: f.client.Mirrors, Pause: f.client.Pause,
		Credentials: func(string) (string, string, bool) { return "a", "b", true },
	}
	other := strings.Replace(f.url, "1.22.6", "1.22.5", 1)
	for what, err := range map[string]error{
		"Get":               second(offline.Get(t.Context(), f.url+"?secret", 1)),
		"Size":              second(offline.Size(t.Context(), f.url+"?secret")),
		"Download":          offline.Download(t.Context(), other+"?secret", f.part+".other", fetch.Options{}),
		"Download, ranges":  offline.Download(t.Context(), other, f.part+".other", fetch.Options{Ranges: []fetch.Range{{Start: 1, End: 2}, {Start: -9}}}),
		"Download, widely":  offline.Download(t.Context(), other, f.part+".other", fetch.Options{Parallel: 4}),
		"without a rule":    offline.With(nil).Download(t.Context(), other, f.part+".other", fetch.Options{}),
		"an unknown server": second(offline.Get(t.Context(), "https://no.such.host.invalid/", 1)),
	} {
		var not *fetch.OfflineError
		if !errors.As(err, &not) || not.URL == "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(f.pauses) != 0 {
		t.Errorf("pauses %v", f.pauses)
	}
	// What is here already needs no network.
	f.whole(t, offline.Download(t.Context(), f.url, f.part, fetch.Options{}))
	local := "file://" + f.part
	if _, err := offline.Get(t.Context(), local, 1<<20); err != nil {
		t.Error(err)
	}
	if n, err := offline.Size(t.Context(), local); err != nil || n != int64(len(f.zip)) {
		t.Errorf("size %d, %v", n, err)
	}
	copied := f.part + ".copy"
	if err := offline.Download(t.Context(), local, copied, fetch.Options{}); err != nil {
		t.Error(err)
	}
	if err := os.Rename(copied, f.part); err != nil {
		t.Fatal(err)
	}
	f.whole(t, nil)
}
