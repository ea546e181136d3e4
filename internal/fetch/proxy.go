package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// Proxies says through which proxies servers are reached, in the terms of the environment variables of those names.
// Servers on this machine are always reached directly.
type Proxies struct {
	HTTP  string // proxy for http URLs, "" for none; without a scheme it is http
	HTTPS string // proxy for https URLs
	All   string // proxy for those of both for which there is none
	No    string // hosts that are reached directly: names, domains, addresses, networks, "*", separated by commas
}

// Func returns a function for Client.Proxy. A proxy that is not the URL of one is an error which names it; were it ignored, connections
// would silently be made directly.
func (p Proxies) Func() (func(*http.Request) (*url.URL, error), error) {
	var errs []error
	for _, proxy := range []string{p.HTTP, p.HTTPS, p.All} {
		errs = append(errs, CheckProxy(proxy))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	config := httpproxy.Config{HTTPProxy: p.HTTP, HTTPSProxy: p.HTTPS, NoProxy: p.No}
	if config.HTTPProxy == "" {
		config.HTTPProxy = p.All
	}
	if config.HTTPSProxy == "" {
		config.HTTPSProxy = p.All
	}
	choose := config.ProxyFunc()
	return func(req *http.Request) (*url.URL, error) { return choose(req.URL) }, nil
}

// CheckProxy returns an error unless proxy is "", HOST:PORT, or the URL of a proxy, in which there may be a name and a password. The
// error shows neither.
func CheckProxy(proxy string) error {
	if proxy == "" {
		return nil
	}
	full := proxy
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil {
		return errors.New("proxy is not a URL") // err and proxy may show a password
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return fmt.Errorf("proxy %q: scheme is none of http, https, socks5, socks5h", Redact(full))
	}
	if u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return fmt.Errorf("proxy %q: want scheme, host and port only", Redact(full))
	}
	return nil
}

// ProxyError says that the proxy is what failed or refused, not the server behind it.
type ProxyError struct {
	Proxy string // its URL without user information
	Code  int    // the status it answered with, such as 407 when it wants a password; 0 when it could not be reached
	Err   error  // what happened
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("proxy %q: %s", e.Proxy, scrub(e.Err.Error()))
}

// Unwrap returns what happened.
func (e *ProxyError) Unwrap() error { return e.Err }

// proxyStatus makes an error of the status that a proxy answered with.
func proxyStatus(proxy *url.URL, code int) *ProxyError {
	text := fmt.Sprintf("status %d %s", code, http.StatusText(code))
	return &ProxyError{Proxy: withoutUser(proxy).String(), Code: code, Err: errors.New(strings.TrimSuffix(text, " "))}
}

// onConnect looks at what a proxy answers when it is asked for a connection.
func onConnect(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return proxyStatus(proxy, resp.StatusCode)
}

// blameProxy turns err into a *ProxyError if it is about the way to the proxy for req.
func (c *Client) blameProxy(req *http.Request, err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "proxyconnect" || c.proxy == nil {
		return err
	}
	proxy, perr := c.proxy(req)
	if perr != nil || proxy == nil {
		return err
	}
	return &ProxyError{Proxy: withoutUser(proxy).String(), Err: op.Err}
}

// wantsPassword returns an error if resp comes from a proxy that wants a password, for a request that is not
// tunnelled.
func (c *Client) wantsPassword(req *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusProxyAuthRequired || c.proxy == nil {
		return nil
	}
	proxy, err := c.proxy(req)
	if err != nil || proxy == nil {
		return err
	}
	resp.Body.Close()
	return proxyStatus(proxy, resp.StatusCode)
}

func withoutUser(u *url.URL) *url.URL {
	bare := *u
	bare.User = nil
	return &bare
}
