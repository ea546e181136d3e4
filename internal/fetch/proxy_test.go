package fetch_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gostore/internal/fetch"
)

// proxy is an HTTP proxy that leads every request to one server, whatever it is for.
type proxy struct {
	*httptest.Server
	target string // HOST:PORT

	mu      sync.Mutex
	tunnels []string // hosts that connections were asked for
	plain   []http.Header
	auth    string // what Proxy-Authorization must be
	status  []int  // what the next requests are answered with
}

func newProxy(t *testing.T, server *httptest.Server) *proxy {
	p := &proxy{target: server.Listener.Addr().String()}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// through returns a client's Proxy for HTTP and HTTPS through p, with a name and a password for it.
func (p *proxy) through(t *testing.T, user string) func(*http.Request) (*url.URL, error) {
	t.Helper()
	to := strings.Replace(p.URL, "//", "//"+user, 1)
	choose, err := fetch.Proxies{HTTP: to, HTTPS: to}.Func()
	if err != nil {
		t.Fatal(err)
	}
	return choose
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	status := 0
	if len(p.status) > 0 {
		status, p.status = p.status[0], p.status[1:]
	}
	if p.auth != "" && r.Header.Get("Proxy-Authorization") != p.auth {
		status = http.StatusProxyAuthRequired
	}
	if r.Method == http.MethodConnect {
		p.tunnels = append(p.tunnels, r.Host)
	} else {
		p.plain = append(p.plain, r.Header)
	}
	p.mu.Unlock()
	switch {
	case status != 0:
		w.WriteHeader(status)
	case r.Method == http.MethodConnect:
		p.tunnel(w)
	default:
		_, _ = io.WriteString(w, "through the proxy")
	}
}

func (p *proxy) tunnel(w http.ResponseWriter) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	client, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(server, client); server.Close() })
	wg.Go(func() { _, _ = io.Copy(client, server); client.Close() })
	wg.Wait()
}

func TestProxy(t *testing.T) {
	private := newAuthority(t, "private")
	p := newProxy(t, private.serve(t, greeting))
	p.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte("me:secret"))
	roots, err := fetch.Roots(private.pem(t))
	if err != nil {
		t.Fatal(err)
	}
	var pauses int
	pause := func(context.Context, time.Duration) error { pauses++; return nil }
	client := fetch.Client{Roots: roots, Proxy: p.through(t, "me:secret@"), Pause: pause}
	defer client.CloseIdle()
	p.status = []int{http.StatusBadGateway, http.StatusServiceUnavailable}
	if got, err := client.Get(t.Context(), "https://example.com/x", 99); err != nil || string(got) != "hello" || pauses != 2 {
		t.Errorf("https: %q, %v after %d pauses", got, err, pauses)
	}
	if got, err := client.Get(t.Context(), "http://example.com/x", 99); err != nil || string(got) != "through the proxy" {
		t.Errorf("http: %q, %v", got, err)
	}
	if len(p.tunnels) != 3 || p.tunnels[2] != "example.com:443" || len(p.plain) != 1 {
		t.Errorf("the proxy saw %v and %d plain requests", p.tunnels, len(p.plain))
	}
	refused := fetch.Client{Roots: roots, Proxy: p.through(t, "me:wrong-secret@"), Pause: pause}
	defer refused.CloseIdle()
	pauses = 0
	for _, u := range []string{"https://example.com/x", "http://example.com/x"} {
		_, err := refused.Get(t.Context(), u, 99)
		var blame *fetch.ProxyError
		if !errors.As(err, &blame) || blame.Code != 407 || blame.Proxy != p.URL || pauses != 0 || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s with a wrong password: %v after %d pauses", u, err, pauses)
		}
	}
}

func TestProxyIsNotThere(t *testing.T) {
	f := newFixture(t)
	p := newProxy(t, httptest.NewUnstartedServer(nil))
	p.Close()
	f.client.Proxy = p.through(t, "me:secret@")
	for _, u := range []string{"https://example.com/x", "http://example.com/x"} {
		err := f.client.Download(t.Context(), u, f.part, fetch.Options{})
		var blame *fetch.ProxyError
		if !errors.As(err, &blame) || blame.Code != 0 || blame.Proxy != p.URL || strings.Contains(err.Error(), "secret") || len(f.pauses) != 0 {
			t.Errorf("%s: %v after %v", u, err, f.pauses)
		}
		if err == nil || !strings.Contains(err.Error(), u) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("error %v does not name URL and reason", err)
		}
	}
	f.whole(t, f.download(t, fetch.Options{})) // this machine is reached directly
}

func TestProxies(t *testing.T) {
	for _, tt := range []struct {
		proxies   fetch.Proxies
		url, want string
	}{
		{fetch.Proxies{}, "https://a/", ""},
		{fetch.Proxies{HTTP: "h:1", HTTPS: "https://s:2"}, "https://a/", "https://s:2"},
		{fetch.Proxies{HTTP: "h:1", HTTPS: "https://s:2"}, "http://a/", "http://h:1"},
		{fetch.Proxies{HTTP: "h:1", All: "socks5://x:2"}, "http://a/", "http://h:1"},
		{fetch.Proxies{HTTP: "h:1", All: "socks5://x:2"}, "https://a/", "socks5://x:2"},
		{fetch.Proxies{All: "x:2"}, "http://a/", "http://x:2"},
		{fetch.Proxies{All: "x:2"}, "https://localhost/", ""},
		{fetch.Proxies{All: "x:2"}, "https://127.0.0.1:99/", ""},
		{fetch.Proxies{All: "x:2", No: "corp.example, 10.0.0.0/8"}, "https://a.corp.example/", ""},
		{fetch.Proxies{All: "x:2", No: "corp.example, 10.0.0.0/8"}, "https://10.1.2.3/", ""},
		{fetch.Proxies{All: "x:2", No: "corp.example, 10.0.0.0/8"}, "https://corp.example.org/", "http://x:2"},
		{fetch.Proxies{All: "x:2", No: "*"}, "https://a/", ""},
	} {
		choose, err := tt.proxies.Func()
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(http.MethodGet, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if u, err := choose(req); err != nil {
			t.Error(err)
		} else if u != nil {
			got = u.String()
		}
		if got != tt.want {
			t.Errorf("%+v: %s goes through %q, want %q", tt.proxies, tt.url, got, tt.want)
		}
	}
	for _, bad := range []string{"ftp://me:secret@x:1", "http://me:secret@[::1", "://", "http://", "http://me:secret@x/path", "http://x?secret", "me:secret@", "%"} {
		_, err := fetch.Proxies{HTTPS: bad}.Func()
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
