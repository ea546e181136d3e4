package goproxy

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"gostore/internal/release"
	"gostore/tests/upstream"
)

func TestSelect(t *testing.T) {
	list := []string{"1.22.6", "1.9", "1.27rc2", "1.22.12", "1.20", "1.20.14", "1.27rc1", "1.26.8"}
	for request, want := range map[string]string{
		"latest": "1.26.8", "": "1.26.8", "1.22": "1.22.12", "go1.22.6": "1.22.6", "1.20.0": "1.20", "1.99.3": "1.99.3", "1.27rc1": "1.27rc1",
	} {
		if v, err := Select(request, list); err != nil || v != want {
			t.Errorf("%q is %q, %v; want %q", request, v, err, want)
		}
	}
	var missing *release.NotFoundError
	if v, err := Select("1.27", list); !errors.As(err, &missing) || !slices.Equal(missing.Have, []string{"1.27rc2", "1.27rc1"}) || !strings.Contains(err.Error(), "pre-releases only") {
		t.Errorf("1.27 is %q, %v", v, err)
	}
	if v, err := Select("1.23", list); !errors.As(err, &missing) || len(missing.Have) == 0 {
		t.Errorf("1.23 is %q, %v", v, err)
	}
	if v, err := Select("v1.22", list); !errors.As(err, new(*RequestError)) {
		t.Errorf("v1.22 is %q, %v", v, err)
	}
	if near := Nearest("1.22.7", list); near[0] != "1.22.6" || list[0] != "1.22.6" || list[1] != "1.9" {
		t.Errorf("nearest are %v; the list is now %v", near, list)
	}
	if !IsVersion("1.22.6") || IsVersion("1.22") || !IsVersion("1.20") || IsVersion("1") || IsVersion("1.0.3") {
		t.Error("IsVersion is wrong")
	}
}

func TestLogged(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	want := upstream.HashZip(f.Zip("1.22.6", linux))
	if d, err := f.Logged(t.Context(), "1.22.6", linux); err != nil || d.String() != want {
		t.Errorf("%v, %v; want %s", d, err, want)
	}
	if d, err := f.Logged(t.Context(), "1.22.99", linux); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, %v", d, err)
	}
	local := f.source("file://"+t.TempDir(), t.TempDir())
	if d, err := local.Logged(t.Context(), "1.22.6", linux); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, %v", d, err)
	}
	f.Close()
	if d, err := f.source(f.URL, t.TempDir()).Logged(t.Context(), "1.22.6", linux); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, %v", d, err)
	}
}
