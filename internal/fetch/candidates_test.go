package fetch

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCandidates(t *testing.T) {
	mirrors := []Mirror{
		{Prefix: "https://a/", To: []string{"https://m1/a/", "http://m2/"}},
		{Prefix: "https://a/dl/", To: []string{"file:///srv/dl/", "https://m1/dl/", "off"}},
		{Prefix: "https://a/dl/", To: []string{"https://never/"}},
		{Prefix: "https://a/same/", To: []string{"https://a/same/", "https://m1/", "https://m1/"}},
		{Prefix: "https://off/", To: []string{"off"}},
		{Prefix: "https://elsewhere/", To: []string{"https://m1/", "off"}},
		{Prefix: "https://a/dl/deep/", To: []string{"https://strange/"}, Foreign: true},
		{Prefix: "https://b/", To: []string{"https://strange/"}, Foreign: true},
		{Prefix: "https://b/longer/", To: []string{"https://stranger/"}, Foreign: true},
	}
	for _, tt := range []struct {
		url     string
		offline bool
		want    []string
	}{
		{"https://c/x", false, []string{"https://c/x"}},
		{"https://a/x?y=1", false, []string{"https://m1/a/x?y=1", "http://m2/x?y=1", "https://a/x?y=1"}},
		{"https://a/dl/x", false, []string{"file:///srv/dl/x", "https://m1/dl/x"}},
		{"https://a/same/x", false, []string{"https://m1/x", "https://a/same/x"}},
		{"https://off/x", false, []string{"https://off/x"}},
		{"https://a/dl/deep/x", false, []string{"file:///srv/dl/deep/x", "https://m1/dl/deep/x"}},
		{"https://b/x", false, []string{"https://strange/x", "https://b/x"}},
		{"https://b/longer/x", false, []string{"https://stranger/x", "https://b/longer/x"}},
		{"https://a/x", true, []string{"https://a/x"}},
		{"https://a/dl/x", true, []string{"file:///srv/dl/x"}},
		{"https://elsewhere/x", true, []string{"https://elsewhere/x"}},
	} {
		c := &Client{Mirrors: mirrors, Offline: tt.offline}
		if diff := cmp.Diff(tt.want, c.candidates(tt.url)); diff != "" {
			t.Errorf("%s, offline %v:\n%s", tt.url, tt.offline, diff)
		}
	}
}

// A mirror has to begin its answer soon as long as there is somebody else to ask.
func TestHurry(t *testing.T) {
	for _, tt := range []struct {
		to   []string
		want []bool // whether each that is asked is in a hurry
	}{
		{[]string{"http://m1/", "http://m2/"}, []bool{true, true, false}},
		{[]string{"http://m1/", "http://m2/", "off"}, []bool{true, false}},
	} {
		c := &Client{Mirrors: []Mirror{{Prefix: "http://a/", To: tt.to}}, FirstByte: 8 * time.Second}
		var got []bool
		err := c.rotate(t.Context(), "http://a/x", func(ctx context.Context, _ string) (bool, error) {
			got = append(got, c.patience(ctx) == time.Second)
			return false, final(errors.New("no"))
		})
		if diff := cmp.Diff(tt.want, got); diff != "" || err == nil {
			t.Errorf("%v: %v\n%s", tt.to, err, diff)
		}
	}
}

func TestAnonymous(t *testing.T) {
	c := &Client{Mirrors: []Mirror{
		{Prefix: "https://a/", To: []string{"https://mine/", "off"}},
		{Prefix: "https://b/", To: []string{"https://mine/x/", "https://strange/dir/"}, Foreign: true},
	}}
	for text, want := range map[string]bool{
		"https://mine/x/y": false, "https://strange/dir/y": true, "https://strange/other": false, "https://user:pw@strange/dir/y": true,
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.anonymous(u); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
