package enter

import (
	"errors"
	"testing"
)

func TestStoreRoot(t *testing.T) {
	for _, c := range []struct {
		environ []string
		root    string
		want    string
	}{
		{[]string{"GOSTORE_ROOT=/r", "XDG_DATA_HOME=/x", "HOME=/h"}, "/shim", "/r"},
		{[]string{"GOSTORE_ROOT=r/../s"}, "", "/dir/s"},
		{[]string{"XDG_DATA_HOME=/x", "HOME=/h"}, "/shim", "/shim"},
		{[]string{"XDG_DATA_HOME=/x", "HOME=/h"}, "", "/x/gostore"},
		{[]string{"XDG_DATA_HOME=relative", "HOME=/h"}, "", "/h/.local/share/gostore"},
		{[]string{"HOME=/first", "HOME=/last"}, "", "/last/.local/share/gostore"},
		{[]string{"HOME=/h", "GOSTORE_ROOT=/r", "GOSTORE_ROOT="}, "", "/h/.local/share/gostore"},
		{nil, "", ""},
	} {
		p := Process{Environ: c.environ, Dir: "/dir", Root: c.root}
		got, err := p.StoreRoot()
		if got != c.want || (c.want == "") != errors.Is(err, ErrNoRoot) {
			t.Errorf("%q %q: %q, %v; want %q", c.environ, c.root, got, err, c.want)
		}
	}
}

// What is remembered of a lock is about its bytes.
func TestMemo(t *testing.T) {
	seen := map[string]bool{}
	for _, data := range []string{"a", "b", "", "a"} {
		seen[Memo([]byte(data))] = true
	}
	if len(seen) != 3 {
		t.Errorf("three different locks have %d memos", len(seen))
	}
}
