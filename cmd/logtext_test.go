package cmd

import (
	"strings"
	"testing"

	"gostore/internal/journal"
)

// TestChangesWords wants no digest in the table of "gostore log", and each tool once.
func TestChangesWords(t *testing.T) {
	for _, c := range []struct {
		changes []journal.Change
		want    string
	}{
		{[]journal.Change{{Tool: "go", Is: "1.22.6"}}, "go added 1.22.6"},
		{[]journal.Change{
			{Tool: "go: request", Was: "1.22", Is: "1.26"}, {Tool: "go: version", Was: "1.22.6", Is: "1.26.11"},
			{Tool: "go: darwin/amd64", Is: "h1:a"}, {Tool: "go: linux/arm64", Is: "h1:b"},
		}, "go 1.22.6 -> 1.26.11, 2 platforms"},
		{[]journal.Change{{Tool: "go: request", Was: "1.22", Is: "1.22.6"}}, "go is asked for as 1.22.6"},
		{[]journal.Change{{Tool: "go: source", Was: "a", Is: "b"}, {Tool: "node: linux/amd64", Was: "x", Is: "y"}}, "1 platform, 1 field"},
		{nil, ""},
	} {
		if got := strings.Join(changesWords(c.changes), ", "); got != c.want {
			t.Errorf("%v: %q, want %q", c.changes, got, c.want)
		}
	}
}

// TestShortError wants one line of bounded length that keeps what was tried and why it failed.
func TestShortError(t *testing.T) {
	long := "resolving go@1.22: " + strings.Repeat("ü", 200) + ": no such host"
	got := shortError(long)
	if n := len([]rune(got)); n > mostError || !strings.HasPrefix(got, "resolving go@1.22: ") || !strings.HasSuffix(got, ": no such host") {
		t.Errorf("%d runes: %s", n, got)
	}
	for text, want := range map[string]string{"": "", "a": "a", "a\nb\nc\n": "a (and 2 lines)"} {
		if got := shortError(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
