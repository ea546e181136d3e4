package fetch

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// errPlain says that a URL holds a password that somebody on the way could read.
var errPlain = errors.New("refusing to send a password over http: use https")

// authorize adds what c knows about the host of req.
func (c *Client) authorize(req *http.Request) error {
	u := req.URL
	switch {
	case u.User != nil && !confidential(u):
		return errPlain
	case u.User != nil, !confidential(u), c.anonymous(u):
		return nil
	}
	host := strings.ToLower(u.Host)
	if c.Token != nil {
		if token, ok := c.Token(host); ok {
			req.Header.Set("Authorization", "Bearer "+token)
			return nil
		}
	}
	if c.Credentials != nil {
		if user, password, ok := c.Credentials(host); ok {
			req.SetBasicAuth(user, password)
		}
	}
	return nil
}

// confidential reports whether only the host of u can read what is sent to it.
func confidential(u *url.URL) bool {
	if u.Scheme == "https" || strings.EqualFold(u.Hostname(), "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback()
}

// checkRedirect refuses to go from https to anything else, and takes away what the next host need not know. The rules
// of net/http are wider: for it a subdomain may see what was for the domain, and so may http on the same host.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errDowngrade
	}
	req.Header.Del("Referer")
	if req.URL.Host != via[0].URL.Host || !confidential(req.URL) {
		req.Header.Del("Authorization")
	}
	return nil
}
