package tests

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"gostore/internal/verity"
	"gostore/tests/upstream"
)

// Whether the file system has fs-verity or not, tools are installed and whole with seal = "fs-verity"; where it has not, that is said when it is configured, and once by
// each command that adds something.
func TestSeal(t *testing.T) {
	w := newWorld(t, upstream.Config{})
	supported := !errors.Is(verity.Probe(filepath.Dir(w.dir), verity.Seal), verity.ErrUnsupported)
	said := map[bool]int{false: 1}[supported]
	if out := w.sh("gostore config seal fs-verity"); strings.Count(out, "has no fs-verity") != said {
		t.Errorf("fs-verity is there: %v, and config says %s", supported, out)
	}
	if out := w.sh("gostore install go@1.22.6 go@1.21.0"); strings.Count(out, "objects are not sealed") != said {
		t.Errorf("fs-verity is there: %v, and install says %s", supported, out)
	}
	if out := w.sh("gostore install go@1.22.6"); strings.Contains(out, "sealed") {
		t.Errorf("without anything to add install says %s", out)
	}
	w.sh("gostore verify && gostore gc && GOSTORE_SEAL=mode gostore install go@1.23.0")
}
