package fetch_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"gostore/internal/fetch"
)

// ledger is a server that notes who sent which credentials, and redirects where a request asks it to.
type ledger struct {
	mu   sync.Mutex
	seen map[string]string // by Host and path
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, basic := r.BasicAuth()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = map[string]string{}
	}
	l.seen[r.Host+r.URL.Path] = r.Header.Get("Authorization")
	if basic {
		l.seen[r.Host+r.URL.Path] = user + ":" + password
	}
	if r.Header.Get("Referer") != "" {
		l.seen["Referer"] = r.Header.Get("Referer")
	}
	if to := r.URL.Query().Get("to"); to != "" {
		http.Redirect(w, r, to, http.StatusFound)
		return
	}
	_, _ = w.Write([]byte("hello"))
}

// knows is a Client.Credentials that knows every host.
func knows(host string) (user, password string, ok bool) { return "user", host, true }

func TestCredentials(t *testing.T) {
	private := newAuthority(t, "private")
	var l ledger
	p := newProxy(t, private.serve(t, &l))
	plain := httptest.NewServer(&l)
	defer plain.Close()
	roots, err := fetch.Roots(private.pem(t))
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.Client{Roots: roots, Proxy: p.through(t, ""), Credentials: knows}
	client.Token = func(host string) (string, bool) { return "t0ken", host == "token.example.com" }
	defer client.CloseIdle()
	local := strings.TrimPrefix(plain.URL, "http://")
	to := func(u string) string { return "?to=" + url.QueryEscape(u) }
	for _, tt := range []struct {
		name, url string
		want      map[string]string // by Host and path
	}{
		{"https", "https://Example.com/x", map[string]string{"Example.com/x": "user:example.com"}},
		{"a port", "https://example.com:8443/x", map[string]string{"example.com:8443/x": "user:example.com:8443"}},
		{"token", "https://token.example.com/x", map[string]string{"token.example.com/x": "Bearer t0ken"}},
		{"redirect from a token", "https://token.example.com/x" + to("https://a.example.com/y"), map[string]string{"a.example.com/y": ""}},
		{"of the URL", "https://me:mine@example.com/x", map[string]string{"example.com/x": "me:mine"}},
		{"http on this machine", plain.URL + "/x", map[string]string{local + "/x": "user:" + local}},
		{"http on localhost", strings.Replace(plain.URL, "127.0.0.1", "localhost", 1) + "/x", map[string]string{
			strings.Replace(local, "127.0.0.1", "localhost", 1) + "/x": "user:" + strings.Replace(local, "127.0.0.1", "localhost", 1)}},
		{"redirect on the same host", "https://example.com/x" + to("/y"), map[string]string{"example.com/x": "user:example.com", "example.com/y": "user:example.com"}},
		{"redirect to another host", "https://example.com/x" + to("https://a.example.com/y"), map[string]string{"example.com/x": "user:example.com", "a.example.com/y": ""}},
		{"redirect to another port", "https://example.com/x" + to("https://example.com:444/y"), map[string]string{"example.com/x": "user:example.com", "example.com:444/y": ""}},
		{"redirect there and back", "https://example.com/x" + to("https://a.example.com/y"+to("https://example.com/z")),
			map[string]string{"example.com/x": "user:example.com", "a.example.com/y": ""}},
	} {
		l.seen = nil
		if _, err := client.Get(t.Context(), tt.url, 99); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		for place, want := range tt.want {
			if got, ok := l.seen[place]; !ok || got != want {
				t.Errorf("%s: %s got %q, %v; want %q", tt.name, place, got, ok, want)
			}
		}
		if r, ok := l.seen["Referer"]; ok {
			t.Errorf("%s: a server was told where the request came from: %s", tt.name, r)
		}
	}
}

func TestNoCredentialsOverPlain(t *testing.T) {
	p := newProxy(t, httptest.NewUnstartedServer(nil))
	client := fetch.Client{Proxy: p.through(t, ""), Credentials: knows}
	defer client.CloseIdle()
	if _, err := client.Get(t.Context(), "http://example.com/x", 99); err != nil {
		t.Fatal(err)
	}
	if len(p.plain) != 1 || p.plain[0].Get("Authorization") != "" {
		t.Errorf("headers %v", p.plain)
	}
	_, err := client.Get(t.Context(), "http://me:secret@example.com/x", 99)
	if err == nil || !strings.Contains(err.Error(), "over http") || strings.Contains(err.Error(), "secret") || len(p.plain) != 1 {
		t.Errorf("a password in an http URL: %v after %d requests", err, len(p.plain))
	}
}

func TestCredentialsForMirrors(t *testing.T) {
	f := newMirrored(t)
	var l ledger
	server := httptest.NewServer(&l)
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	f.client.Credentials = knows
	for _, foreign := range []bool{false, true} {
		f.client.Mirrors = []fetch.Mirror{{Prefix: f.URL + "/", To: []string{server.URL + "/"}, Foreign: foreign}}
		if err := f.client.With(f.client.Mirrors).Download(t.Context(), f.URL+"/x", f.part+".x", fetch.Options{}); err != nil {
			t.Fatal(err)
		}
		want := "user:" + host
		if foreign {
			want = ""
		}
		if got := l.seen[host+"/x"]; got != want {
			t.Errorf("foreign %v: the mirror got %q, want %q", foreign, got, want)
		}
		f.part += "."
	}
}
