package lock

import (
	"bytes"
	"os"
	"regexp"
	"testing"

	"gostore/internal/release"
)

// What a platform needs changes with every digest of that platform and with nothing else.
func TestNeeds(t *testing.T) {
	data, err := os.ReadFile("../gostore.lock.example")
	if err != nil {
		t.Fatal(err)
	}
	p := release.Platform{OS: "linux", Arch: "amd64"}
	needs := func(data []byte) string {
		t.Helper()
		f, err := Parse("gostore.lock", data)
		if err != nil {
			t.Fatal(err)
		}
		return f.Needs(p).Hex()
	}
	want := needs(data)
	for what, same := range map[string][]byte{
		"a comment":        append([]byte("# a comment\n\n"), data...),
		"spaces":           bytes.ReplaceAll(data, []byte(" = "), []byte("   =   ")),
		"another request":  regexp.MustCompile(`(?m)^request = .*$`).ReplaceAll(data, []byte(`request = "latest"`)),
		"another platform": change(t, data, `(?m)^("darwin/arm64" = .* archive = "(?:h1:|sha256:|sha512-))..`),
		"where it is":      regexp.MustCompile(`size = \d+`).ReplaceAll(data, []byte("size = 1")),
	} {
		if got := needs(same); got != want {
			t.Errorf("%s changes the digest", what)
		}
	}
	digests := regexp.MustCompile(`(?m)^"linux/amd64" = .*$`).FindAll(data, -1)
	if len(digests) < 2 {
		t.Fatalf("the example has only %d archives for %s", len(digests), p)
	}
	for _, line := range digests {
		other := regexp.MustCompile(`(archive = "(?:h1:|sha256:|sha512-|b3:))..`).ReplaceAll(line, []byte(`${1}00`))
		if bytes.Equal(line, other) {
			t.Fatalf("no digest in %s", line)
		}
		if needs(bytes.Replace(data, line, other, 1)) == want {
			t.Errorf("another digest does not change it: %s", line)
		}
	}
	if f, _ := Parse("gostore.lock", data); f.Needs(p) == f.Needs(release.Platform{OS: "darwin", Arch: "arm64"}) {
		t.Error("two platforms need the same")
	}
}

// change replaces the two characters after the one match of a pattern's group.
func change(t *testing.T, data []byte, pattern string) []byte {
	t.Helper()
	changed := regexp.MustCompile(pattern).ReplaceAll(data, []byte("${1}00"))
	if bytes.Equal(changed, data) {
		t.Fatalf("%q matches nothing", pattern)
	}
	return changed
}
