package tests

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gostore/cmd"
	"gostore/tests/upstream"
)

// A server that stops sending is given up in the end; what it sent is kept and continued.
func TestStalledDownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{Padding: 1 << 20})
	w.sh("gostore lock go@1.22.6")
	gate := make(chan struct{}, 8) // 128 KiB, and then nothing
	for range cap(gate) {
		gate <- struct{}{}
	}
	w.server.Fault(upstream.Fault{Path: ".zip", Gate: gate})
	var stdout, stderr bytes.Buffer
	code := cmd.Run(t.Context(), cmd.Config{
		Args: []string{"install"}, Stdout: &stdout, Stderr: &stderr,
		Environ: w.environ, Dir: w.dir, VerifierKey: w.server.Key, Stall: 100 * time.Millisecond, Pause: shortly,
	})
	if code != 6 || stdout.Len() > 0 {
		t.Errorf("exit status %d, answer %q", code, stdout.String())
	}
	matches(t, stderr.String(), `error: installing go@1.22.6: .*the server stopped sending\n`+"gostore: "+networkHint)
	parts, err := filepath.Glob(filepath.Join(filepath.Dir(w.dir), "root", "downloads", "*.part"))
	if err != nil || len(parts) != 1 {
		t.Fatalf("parts %q, %v", parts, err)
	}
	fi, err := os.Stat(parts[0])
	if err != nil || fi.Size() != 128<<10 {
		t.Errorf("kept %v, %v", fi, err)
	}
	w.server.ClearFaults()
	w.server.ClearRequests()
	w.sh("gostore install && gostore verify")
	if r := w.server.Requests(); len(r) != 1 || r[0].Range != "bytes=131072-" {
		t.Errorf("requests %v", r)
	}
}
