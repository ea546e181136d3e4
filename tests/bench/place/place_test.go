package place

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestPlaces(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("only root on Linux can mount file systems")
	}
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		t.Skip("mkfs.ext4 is not on this machine")
	}
	dir := t.TempDir()
	for kind, made := range map[string]func() (*Place, error){
		"ext4":  func() (*Place, error) { return Ext4(t.Context(), dir, 64<<20, 2000) },
		"tmpfs": func() (*Place, error) { return Tmpfs(t.Context(), dir) },
	} {
		p, err := made()
		if err != nil {
			t.Skipf("%s cannot be mounted here: %v", kind, err)
		}
		if err := os.WriteFile(filepath.Join(p.Dir, "file"), nil, 0o644); err != nil {
			t.Error(err)
		}
		if got := Plain(t.Context(), p.Dir).Kind; !strings.HasPrefix(got, kind) {
			t.Errorf("%s is mounted as %q", kind, got)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestMachine(t *testing.T) {
	facts := map[string]string{}
	for _, f := range Machine(t.Context(), time.Date(2026, 3, 4, 23, 0, 0, 0, time.FixedZone("", -7200))) {
		facts[f.Name] = f.Value
	}
	if facts["date"] != "2026-03-05" || facts["Go"] != runtime.Version() || !strings.Contains(facts["processor"], " × ") {
		t.Errorf("got %v", facts)
	}
}
