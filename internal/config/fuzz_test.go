package config

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/fetch"
)

// FuzzLoad holds that what is accepted can be used without another look.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(everything))
	f.Add([]byte("[[mirror]]\nprefix='http://a'\nto=['~/x','off']\n[network]\nno-proxy=['*']"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Load("/c", data, "/home")
		if err != nil {
			return
		}
		checkMirrors(t, c.Mirrors)
		if _, err := c.Proxies.Func(); err != nil {
			t.Errorf("%q: %v", data, err)
		}
	})
}

// FuzzMirrors holds the same for the variable, and that the rules can be written and read again.
func FuzzMirrors(f *testing.F) {
	f.Add("https://a/=https://b/,off;https://c=http://d")
	f.Add("http://[::1]:8/%20=file:///x y/")
	f.Fuzz(func(t *testing.T, s string) {
		rules, err := parseMirrors(s)
		if err != nil {
			return
		}
		checkMirrors(t, rules)
		var texts []string
		for _, m := range rules {
			texts = append(texts, m.Prefix+"="+strings.Join(m.To, ","))
		}
		again, err := parseMirrors(strings.Join(texts, ";"))
		if diff := cmp.Diff(rules, again); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", s, err, diff)
		}
	})
}

func checkMirrors(t *testing.T, rules []Mirror) {
	for _, m := range rules {
		if len(m.To) == 0 || m.To[0] == fetch.MirrorOff {
			t.Errorf("%+v leads nowhere", m)
		}
		for i, s := range append([]string{m.Prefix}, m.To...) {
			if s == fetch.MirrorOff && i == len(m.To) {
				continue
			}
			u, err := url.Parse(s)
			if err != nil || u.User != nil || u.RawQuery != "" || !strings.HasSuffix(s, "/") || u.Scheme != "file" && u.Host == "" {
				t.Errorf("%q is no directory's URL", s)
			}
		}
	}
}
