// Package fetch reads what upstreams serve, over HTTP(S) and from file:// URLs.
//
// It promises that what it returns is a whole answer: a body that ends early or runs past
// the length stated for it is an error or is fetched again, never handed on. A download that
// breaks off is resumed where it stopped, in this process or in a later one. Answers of 429
// and 5xx and broken connections are retried with growing pauses, honouring Retry-After.
// There is no limit on how long a transfer takes, only on how long it may stand still.
// Ranges of a file can be downloaded instead of the whole, and large files come through more than one connection
// where that turns out to be faster.
//
// It does not promise that the bytes are the right ones: a resumed download may join parts
// of two files when the server states no validator, and servers lie. Callers check digests,
// and discard a part whose digest is wrong.
//
// A redirect from https to http is never followed. Credentials go over https only (or to this machine), to the host
// that they are for and to no other that it redirects to. URLs in errors carry neither user information nor query.
//
// Where a URL's file may come from instead is a matter of Mirror; a Client that is Offline opens no socket.
package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

const (
	// defaultStall is how long a body may bring no bytes. Mobile links pause for ten
	// seconds and come back.
	defaultStall = 30 * time.Second

	// defaultFirstByte is how long an answer may take to begin. A module proxy that does not
	// have a version yet builds its zip before it answers.
	defaultFirstByte = 2 * time.Minute
)

// Client fetches. The zero value is ready to use; a Client is safe for concurrent use and
// must not be copied after its first use.
type Client struct {
	HTTP      *http.Client  // nil: one made of Proxy and Roots
	UserAgent string        // "" sends Go's own
	Stall     time.Duration // longest time a body may bring no bytes; 0 is 30 s
	FirstByte time.Duration // longest time until an answer begins; 0 is 2 min
	Pause     Pause         // nil sleeps

	Mirrors []Mirror // where Download looks before it asks the URL itself
	Offline bool     // every request for an http or https URL is an *OfflineError; file:// URLs are read

	// Credentials returns the name and the password to send to a host, in lower case, with its port if the URL has one. They
	// are not sent where the URL has its own, over http except to this machine, and to mirrors that are Foreign. nil knows none.
	Credentials func(host string) (user, password string, ok bool)

	// Token returns what to send to a host as a bearer token, under the same conditions. It comes before Credentials.
	Token func(host string) (token string, ok bool)

	Roots *x509.CertPool                        // the authorities whose certificates are good; nil: the system's
	Proxy func(*http.Request) (*url.URL, error) // the proxy for a request, nil for none; nil: as the process's environment has it

	once     sync.Once
	http     http.Client
	proxy    func(*http.Request) (*url.URL, error)
	distrust distrust
}

// Pause waits for d, or until ctx ends, and returns ctx's error then.
type Pause func(ctx context.Context, d time.Duration) error

// shared builds the process's transport at first use: package initialisation stays free.
var shared = sync.OnceValue(newTransport)

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: onConnect,
		DialContext:            (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    20 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        time.Minute,
		MaxIdleConnsPerHost:    16,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // lengths and ranges count the bytes as they are
	}
}

// transport returns the transport for a client: a shared one unless it has wishes of its own.
func (c *Client) transport() *http.Transport {
	if c.Proxy == nil && c.Roots == nil {
		return shared()
	}
	t := newTransport()
	if c.Proxy != nil {
		t.Proxy = c.Proxy
	}
	if c.Roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: c.Roots}
	}
	return t
}

// client returns the HTTP client to use: the caller's or one of our own, with gostore's rules
// for redirects in front of the caller's.
func (c *Client) client() *http.Client {
	c.once.Do(func() {
		if c.HTTP != nil {
			c.http = *c.HTTP
		}
		if c.http.Transport == nil {
			c.http.Transport = c.transport()
		}
		if t, ok := c.http.Transport.(*http.Transport); ok {
			c.proxy = t.Proxy
		}
		theirs := c.http.CheckRedirect
		c.http.CheckRedirect = func(req *http.Request, via []*http.Request) error {
			if err := checkRedirect(req, via); err != nil {
				return err
			}
			if theirs != nil {
				return theirs(req, via)
			}
			if len(via) >= 10 {
				return errors.New("stopped after 10 redirects")
			}
			return nil
		}
	})
	return &c.http
}

// With returns a client like c that uses other mirrors and shares c's connections.
func (c *Client) With(mirrors []Mirror) *Client {
	return &Client{
		HTTP: c.client(), UserAgent: c.UserAgent, Stall: c.Stall, FirstByte: c.FirstByte, Pause: c.Pause,
		Mirrors: mirrors, Offline: c.Offline, Credentials: c.Credentials, Token: c.Token,
	}
}

// CloseIdle closes connections that are kept for reuse.
func (c *Client) CloseIdle() { c.client().CloseIdleConnections() }

// Get returns the body of url, which may not be longer than limit bytes. The answer to a
// file:// URL is the file. A missing file and the status codes 404 and 410 are errors for
// which errors.Is(err, fs.ErrNotExist) holds; other codes than 200 are a *StatusError, and
// whatever went wrong with the network is an *Error.
func (c *Client) Get(ctx context.Context, url string, limit int64) ([]byte, error) {
	if path, ok := Local(url); ok {
		return getLocal(path, limit)
	}
	var data []byte
	err := c.retry(ctx, url, func(ctx context.Context) (bool, error) {
		var err error
		data, err = c.get(ctx, url, limit)
		return false, err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

func getLocal(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = &fs.PathError{Op: "read", Path: path, Err: tooLarge(limit)}
	}
	return data, err
}

// get makes one attempt.
func (c *Client) get(ctx context.Context, url string, limit int64) ([]byte, error) {
	resp, err := c.do(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if err := checkBody(resp); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(url, resp)
	}
	if resp.ContentLength > limit {
		return nil, final(tooLarge(limit))
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, final(tooLarge(limit))
	}
	return data, nil
}

// Size returns how many bytes url has, -1 when its server does not say. Errors are those of Get.
func (c *Client) Size(ctx context.Context, url string) (int64, error) {
	if path, ok := Local(url); ok {
		info, err := os.Stat(path)
		if err != nil {
			return -1, err
		}
		return info.Size(), nil
	}
	size := int64(-1)
	err := c.retry(ctx, url, func(ctx context.Context) (bool, error) {
		resp, err := c.do(ctx, http.MethodHead, url, nil)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
			if checkBody(resp) == nil {
				size = resp.ContentLength
			}
			return false, nil
		case http.StatusMethodNotAllowed, http.StatusNotImplemented:
			return false, nil
		}
		return false, statusError(url, resp)
	})
	return size, err
}

// checkBody refuses answers whose body cannot be the file that was asked for.
func checkBody(resp *http.Response) error {
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return final(fmt.Errorf("server sent the body in encoding %q, which was not asked for", enc))
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")) // a damaged type says nothing
	if resp.StatusCode/100 == 2 && (media == "text/html" || media == "application/xhtml+xml") {
		return final(errors.New("server answered with a web page (" + media + ") instead of the file"))
	}
	return nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
}
