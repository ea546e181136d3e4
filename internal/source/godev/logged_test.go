package godev

import (
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"

	"gostore/internal/archive"
)

// discard is a sink that keeps nothing.
type discard struct{}

func (discard) Dir(string) error                { return nil }
func (discard) File(string, bool, []byte) error { return nil }
func (discard) Link(string, string) error       { return nil }
func (discard) Copy(string, string) error       { return nil }
func (discard) Nest(string) error               { return nil }
func (discard) Workers() int                    { return 2 }

func (discard) Stream(_ string, _ bool, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func TestLogger(t *testing.T) {
	l := &logger{Sink: discard{}}
	err := errors.Join(
		l.Dir("a"), l.File("a/x", true, []byte("x")), l.Stream("y", false, strings.NewReader("y")), l.Copy("a/z", "y"), l.Nest("a/in"), l.Nest("go"),
	)
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{"go/a/in/x": "x", "go/y": "y", "go/a/in/z": "y"} {
		if l.sums[path] != sha256.Sum256([]byte(content)) {
			t.Errorf("%s has not the digest of %q; there are %v", path, content, l.sums)
		}
	}
	if len(l.sums) != 3 {
		t.Errorf("%d files", len(l.sums))
	}
	if err := l.Link("z", "y"); !errors.As(err, new(*archive.FormatError)) {
		t.Errorf("%v", err)
	}
}
