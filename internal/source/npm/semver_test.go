package npm

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rangesTable holds ranges and those versions of the list in its last line that npm's own package "semver" 7.8
// finds in them.
//
//go:embed testdata/ranges.txt
var rangesTable string

func TestRangesAsNPMHasThem(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(rangesTable), "\n")
	last := lines[len(lines)-1]
	_, list, _ := strings.Cut(last, "\t")
	versions := strings.Fields(list)
	if len(lines) < 100 || len(versions) < 30 {
		t.Fatalf("%d ranges, %d versions", len(lines)-1, len(versions))
	}
	for _, line := range lines[:len(lines)-1] {
		quoted, want, _ := strings.Cut(line, "\t")
		text, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatal(err)
		}
		r, err := parseRange(text)
		if (err != nil) != (want == "invalid") {
			t.Errorf("range %q: error %v, want %q", text, err, want)
			continue
		}
		var got []string
		for _, s := range versions {
			v, ok := parseVersion(s)
			if !ok {
				t.Fatalf("version %q", s)
			}
			if r.admits(v) {
				got = append(got, s)
			}
		}
		if err == nil && strings.Join(got, " ") != want {
			t.Errorf("range %q\nadmits %q\nwant   %q", text, strings.Join(got, " "), want)
		}
	}
}

func TestVersionOrder(t *testing.T) {
	// The order in section 11 of semver.org 2.0.0, and where words end in numbers.
	order := []string{"0.9.9", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-alpha10",
		"1.0.0-alpha9", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.9.0", "1.10.0", "2.0.0"}
	for i, a := range order {
		for j, b := range order {
			v, _ := parseVersion(a)
			w, _ := parseVersion(b)
			if got, want := sign(v.compare(w)), sign(i-j); got != want {
				t.Errorf("compare(%s, %s) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func sign(n int) int { return min(max(n, -1), 1) }

func TestParseVersion(t *testing.T) {
	for _, s := range []string{"", "1", "1.2", "1.2.x", "v1.2.3", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "1.2.3-a..b",
		"1.2.3 ", " 1.2.3", "1.2.3-é", "1.2.-3", "1..3", "9007199254740992.0.0", "1.2.3-" + strings.Repeat("a", 300), "1.2.3-a/../b"} {
		if v, ok := parseVersion(s); ok {
			t.Errorf("parseVersion(%q) = %v", s, v)
		}
	}
	v, ok := parseVersion("1.22.333-rc.1+build.7")
	if !ok || v.num != [3]uint64{1, 22, 333} || !slices.Equal(v.pre, []string{"rc", "1"}) {
		t.Errorf("got %v, %v", v, ok)
	}
}
