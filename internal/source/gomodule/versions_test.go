package gomodule_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	s := newSource(t, startProxy(t, world()), nil)
	got, err := s.Versions(t.Context(), "example.com/tool/cmd/hello")
	if diff := cmp.Diff([]string{"v1.1.0", "v1.2.3", "v1.2.4-rc.1"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, unknown := range []string{"example.com/nothing", "hello"} {
		if list, err := s.Versions(t.Context(), unknown); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s has %q, %v", unknown, list, err)
		}
	}
}
