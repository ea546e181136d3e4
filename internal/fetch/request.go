package fetch

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	// attempts is how often something is tried before its error is final. With the pauses
	// below, a server may be away for about seven seconds.
	attempts = 5

	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second

	// maxRetryAfter bounds how long a server can make a person wait for the next attempt.
	maxRetryAfter = 2 * time.Minute
)

// do sends one request, for an http, https or file URL. The body of the answer ends with errStalled when it brings no bytes
// for c.Stall, and everything ends with ctx. Every request of this package is made here: here it is offline or not.
func (c *Client) do(ctx context.Context, method, url string, header http.Header) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		cancel(nil)
		return nil, final(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Accept-Encoding", "identity")
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	timer := time.AfterFunc(c.patience(ctx), func() { cancel(errSilent) })
	resp, err := c.send(req)
	timer.Stop()
	if err != nil {
		err = because(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &body{resp.Body, ctx, cancel, orDefault(c.Stall, defaultStall)}
	return resp, nil
}

// send sends req, with credentials if there are any for it. It returns answers of servers; what a proxy answers
// in their place is an error.
func (c *Client) send(req *http.Request) (*http.Response, error) {
	switch req.URL.Scheme {
	case "file":
		return readFile(req)
	case "http", "https":
	default:
		return nil, final(errors.New("scheme is none of https, http, file"))
	}
	if c.Offline {
		return nil, final(&OfflineError{Redact(req.URL.String())})
	}
	if err := c.authorize(req); err != nil {
		return nil, final(err)
	}
	client := c.client()
	resp, err := client.Do(req)
	if err != nil {
		return nil, certificateError(c.blameProxy(req, err))
	}
	if err := c.wantsPassword(req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// readFile answers a request for a file:// URL, as a server would, ranges included.
func readFile(req *http.Request) (*http.Response, error) {
	path, ok := Local(req.URL.String())
	if !ok {
		return nil, final(errors.New("file URL: want an absolute path, such as file:///srv/mirror/x"))
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a named pipe would wait for a writer
		return nil, final(errors.New("not a regular file"))
	}
	return files().RoundTrip(req)
}

// files serves the file system.
var files = sync.OnceValue(func() http.RoundTripper { return http.NewFileTransport(http.Dir("/")) })

func orDefault(d, byDefault time.Duration) time.Duration {
	if d == 0 {
		return byDefault
	}
	return d
}

// because returns why ctx was cancelled in place of the error that this led to.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// body watches over the body of an answer. The time that its reader spends elsewhere, such
// as writing to a slow disk, does not count as standing still.
type body struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration
}

func (b *body) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil { // what is buffered would still be read
		return 0, context.Cause(b.ctx)
	}
	timer := time.AfterFunc(b.stall, func() { b.cancel(errStalled) })
	n, err := b.ReadCloser.Read(p)
	timer.Stop()
	if err != nil && err != io.EOF {
		err = because(b.ctx, err)
	}
	return n, err
}

func (b *body) Close() error {
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// retry calls try until it succeeds, fails for good, or has failed attempts times in a row
// without gaining ground. Errors it returns name url.
func (c *Client) retry(ctx context.Context, url string, try func(context.Context) (gained bool, err error)) error {
	wait := firstPause
	for n := 1; ; n++ {
		gained, err := try(ctx)
		if err == nil {
			return nil
		}
		if gained {
			n, wait = 1, firstPause
		}
		if ctx.Err() != nil || n >= attempts || !temporary(err) {
			return explain(ctx, url, err)
		}
		pause := wait/2 + rand.N(wait/2+1)
		if status := (*StatusError)(nil); errors.As(err, &status) {
			if status.RetryAfter > maxRetryAfter {
				return explain(ctx, url, err)
			}
			pause = max(pause, status.RetryAfter)
		}
		if err := c.pause(ctx, pause); err != nil {
			return explain(ctx, url, err)
		}
		wait = min(2*wait, maxPause)
	}
}

func (c *Client) pause(ctx context.Context, d time.Duration) error {
	if c.Pause != nil {
		return c.Pause(ctx, d)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// temporary reports whether the same request may succeed a moment later.
func temporary(err error) bool {
	var (
		status  *StatusError
		settled *finalError
		local   *fs.PathError
		dns     *net.DNSError
		proxy   *ProxyError
		cert    x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &status):
		return passing(status.Code)
	case errors.As(err, &proxy) && proxy.Code != 0:
		return passing(proxy.Code)
	case errors.As(err, &settled), errors.As(err, &local), errors.Is(err, errDowngrade):
		return false
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case errors.As(err, &cert), errors.As(err, &host), errors.As(err, &invalid):
		return false
	case errors.Is(err, syscall.ECONNREFUSED): // nobody listens: say so at once
		return false
	}
	return true
}

// passing reports whether a status code speaks of a difficulty that may pass.
func passing(code int) bool {
	switch code {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryAfter reads a Retry-After header, in seconds or as a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// Local returns the path that a file:// URL names, and whether rawURL is one.
func Local(rawURL string) (path string, ok bool) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "file" || u.Host != "" && u.Host != "localhost" || u.Path == "" {
		return "", false
	}
	return u.Path, true
}
