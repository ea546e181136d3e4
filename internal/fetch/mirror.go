package fetch

import (
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Mirror says where the files whose URLs begin with Prefix are served as well. Of several mirrors
// whose prefixes fit a URL, the one with the longest prefix counts, of equal ones the first; one that is Foreign only if no
// other fits.
//
// A mirror is never trusted: only Download uses mirrors, and its callers check what arrived against a digest that
// comes from elsewhere. That is why a mirror may be http, or a directory (file:///srv/mirror/).
type Mirror struct {
	Prefix string // of URLs, such as "https://go.dev/dl/"

	// To takes the place of Prefix: one after the other is tried, in this order, and at last the URL itself. MirrorOff
	// at the end keeps the URL itself from being asked.
	To []string

	// Foreign says that somebody else than the user wrote this rule, such as the project that is worked on. No credentials are
	// sent to the URLs in To, unless a mirror that is not foreign has them as well.
	Foreign bool
}

// MirrorOff ends a list of mirrors after which the original is not asked.
const MirrorOff = "off"

// distrust is what a client found out about mirrors.
type distrust struct {
	mu    sync.Mutex
	hosts map[string]bool // mirrors that could not be reached
	urls  map[string]bool // originals for which mirrors served something else
}

func (d *distrust) add(set *map[string]bool, key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if *set == nil {
		*set = map[string]bool{}
	}
	(*set)[key] = true
}

func (d *distrust) has(set *map[string]bool, key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return (*set)[key]
}

// candidates returns the URLs at which the file of url may be had, in the order in which they should be asked: its mirrors,
// then url itself unless the mirrors' list ends with "off". There is at least one. What they serve may differ: only a digest tells.
// Mirrors on hosts that this client could not reach before are left out as long as something remains. Offline, only mirrors that are
// directories are left.
func (c *Client) candidates(url string) []string {
	mirrors, original := c.mirrorsOf(url)
	if c.Offline {
		mirrors = slices.DeleteFunc(mirrors, func(m string) bool { return !strings.HasPrefix(m, "file:") })
		original = original || len(mirrors) == 0 // which says that this is offline
	}
	if original && c.distrust.has(&c.distrust.urls, url) {
		return []string{url}
	}
	reached := slices.DeleteFunc(slices.Clone(mirrors), func(m string) bool { return c.distrust.has(&c.distrust.hosts, hostOf(m)) })
	switch {
	case original:
		return append(reached, url)
	case len(reached) > 0:
		return reached
	}
	return mirrors
}

// mirrorsOf returns where else url is served, and whether url itself may be asked.
func (c *Client) mirrorsOf(url string) (mirrors []string, original bool) {
	rule := c.mirrorFor(url)
	if rule == nil {
		return nil, true
	}
	for _, to := range rule.To {
		if m := to + strings.TrimPrefix(url, rule.Prefix); to != MirrorOff && m != url && !slices.Contains(mirrors, m) {
			mirrors = append(mirrors, m)
		}
	}
	original = len(mirrors) == 0 || rule.To[len(rule.To)-1] != MirrorOff
	return mirrors, original
}

// mirrorFor returns the rule that counts for url, or nil.
func (c *Client) mirrorFor(url string) *Mirror {
	var best *Mirror
	for i := range c.Mirrors {
		m := &c.Mirrors[i]
		switch {
		case !strings.HasPrefix(url, m.Prefix):
		case best == nil, best.Foreign && !m.Foreign, best.Foreign == m.Foreign && len(m.Prefix) > len(best.Prefix):
			best = m
		}
	}
	return best
}

// Distrust is for a caller that found the wrong bytes in what Download brought for url: from now on this client asks
// no mirrors for it. It reports whether it did so until now, and so whether another Download, into an empty part, may bring
// other bytes.
func (c *Client) Distrust(url string) bool {
	again := len(c.candidates(url)) > 1
	c.distrust.add(&c.distrust.urls, url)
	return again
}

// anonymous reports whether u is one to which no credentials go because only somebody else's rule leads there.
func (c *Client) anonymous(u *url.URL) bool {
	bare := *u
	bare.User = nil
	text, strange := bare.String(), false
	for _, m := range c.Mirrors {
		for _, to := range m.To {
			if to != MirrorOff && strings.HasPrefix(text, to) {
				if !m.Foreign {
					return false
				}
				strange = true
			}
		}
	}
	return strange
}

func hostOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Host
}
