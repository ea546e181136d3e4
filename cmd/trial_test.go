package cmd

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gostore/internal/environment"
	"gostore/internal/release"
	"gostore/profile"
	"gostore/store"
)

// A trial whose watcher ended before it, as with the machine, is ended by whichever command comes next.
func TestOverdueTrial(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	st, err := store.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	p, err := profile.Open(st, "default")
	if err != nil {
		t.Fatal(err)
	}
	for i, version := range []string{"1", "2"} {
		lease, err := st.Add(t.Context(), store.Spec{Name: "tool", Version: version}, func(g *store.Stage) error {
			return g.File("bin/tool", true, []byte("#!/bin/sh\n#"+version))
		})
		if err != nil {
			t.Fatal(err)
		}
		defer lease.Release()
		tool := environment.Tool{Name: "tool", Version: version, Tree: lease.Object().Tree, Layout: release.Layout{Dirs: []string{"bin"}}}
		change := profile.Change{Replace: true, Time: time.Now().Add(-time.Hour), For: time.Duration(i) * time.Minute}
		change.Edit = func([]environment.Tool) (*store.Lease, error) {
			return environment.Build(t.Context(), st, []environment.Tool{tool})
		}
		if _, err := p.Switch(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"gostore: the trial of generation 2 is over: default is at generation 1 again\n", ""} {
		var stdout, stderr bytes.Buffer
		code := Run(context.Background(), Config{
			Args: []string{"which", "tool"}, Stdout: &stdout, Stderr: &stderr, Dir: t.TempDir(), Environ: []string{"GOSTORE_ROOT=" + root},
		})
		if code != 0 || stderr.String() != want || !strings.HasSuffix(stdout.String(), "-tool-1/bin/tool\n") {
			t.Errorf("status %d, stdout %q, stderr %q, want %q", code, &stdout, &stderr, want)
		}
	}
}
