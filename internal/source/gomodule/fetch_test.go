package gomodule_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
	"gostore/internal/source/gomodule"
)

func TestFetchChanged(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	item := resolve(t, newSource(t, p, nil), "example.com/tool/cmd/hello@v1.2.3")
	s := newSource(t, p, nil) // another, which does not have what was downloaded for the first

	t.Run("lock", func(t *testing.T) {
		changed := item
		changed.Parts = append([]release.Part(nil), item.Parts...)
		changed.Parts[0].Digest = changed.Parts[1].Digest
		checkMismatch(t, s, changed, "example.com/Dep@v0.5.0")
	})
	t.Run("unlisted", func(t *testing.T) {
		changed := item
		changed.Parts = item.Parts[1:]
		checkMismatch(t, s, changed, "example.com/Dep@v0.5.0, which the lock does not list,")
	})
	t.Run("archive", func(t *testing.T) {
		changed := item
		changed.Archive.Digest = item.Parts[0].Digest
		if _, err := s.Fetch(t.Context(), changed, filepath.Join(t.TempDir(), "x.part"), nil); err == nil {
			t.Error("taken")
		}
	})
	t.Run("proxy", func(t *testing.T) {
		p.set("example.com/Dep@v0.5.0", files{"go.mod": "module example.com/Dep\n", "dep.go": "package dep\n\nconst Text = \"evil\"\n"})
		_, err := s.Fetch(t.Context(), item, filepath.Join(t.TempDir(), "x.part"), nil)
		var database *gomodule.DatabaseError
		if !errors.As(err, &database) || !strings.Contains(err.Error(), "example.com/Dep@v0.5.0") {
			t.Errorf("error %v", err)
		}
		if _, err := s.Resolve(t.Context(), request(t, "example.com/tool/cmd/hello@v1.2.3"), host); !errors.As(err, &database) {
			t.Errorf("error of Resolve %v", err)
		}
	})
}

// checkMismatch checks that an item is not fetched because of the digest of one part.
func checkMismatch(t *testing.T, s *gomodule.Source, item release.Item, part string) {
	t.Helper()
	_, err := s.Fetch(t.Context(), item, filepath.Join(t.TempDir(), "x.part"), nil)
	var mismatch *digest.MismatchError
	if !errors.As(err, &mismatch) || mismatch.What != part {
		t.Errorf("error %v, want a mismatch of %s", err, part)
	}
}

func TestUnlogged(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	p.unlogged["example.com/Dep@v0.5.0"] = true
	_, err := newSource(t, p, nil).Resolve(t.Context(), request(t, "example.com/tool/cmd/hello@v1.2.3"), host)
	var unlogged *gomodule.UnloggedError
	if !errors.As(err, &unlogged) || unlogged.Database != database || !strings.HasPrefix(unlogged.Module, "example.com/Dep@v0.5.0") {
		t.Fatalf("error %v", err)
	}
	trusting := newSource(t, p, func(c *gomodule.Config) { c.Flags = func(string) []string { return []string{"unlogged"} } })
	before := p.count("/sumdb/")
	r, err := trusting.Resolve(t.Context(), request(t, "example.com/tool/cmd/hello@v1.2.3"), host)
	if err != nil || !r.Unlogged || len(r.Parts) != 4 {
		t.Fatalf("%+v, %v", r, err)
	}
	if p.count("/sumdb/") != before {
		t.Error("the database was asked nevertheless")
	}
}

func TestOffline(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	s := newSource(t, p, nil)
	item := resolve(t, s, "example.com/tool/cmd/hello@v1.2.3")
	offline := newSource(t, p, func(c *gomodule.Config) {
		c.Offline = true
		c.Proxies = func(context.Context) (string, error) { return "", errors.New("asked for proxies") }
	})
	var refused *fetch.OfflineError
	if _, err := offline.Resolve(t.Context(), request(t, "example.com/tool/cmd/hello"), host); !errors.As(err, &refused) {
		t.Errorf("Resolve: %v", err)
	}
	part := filepath.Join(t.TempDir(), "x.part")
	if _, err := offline.Fetch(t.Context(), item, part, nil); !errors.As(err, &refused) {
		t.Errorf("Fetch of what is not there: %v", err)
	}
	if _, err := s.Fetch(t.Context(), item, part, nil); err != nil {
		t.Fatal(err)
	}
	before := p.count("")
	if _, err := offline.Fetch(t.Context(), item, part, nil); err != nil {
		t.Errorf("Fetch of what is there: %v", err)
	}
	if p.count("") != before {
		t.Error("something was requested")
	}
}

func TestFetchResumes(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	item := resolve(t, newSource(t, p, nil), "example.com/tool/cmd/hello@v1.2.3")
	s := newSource(t, p, nil) // another, which does not have what was downloaded for the first
	const main, dep = "/example.com/tool/@v/v1.2.3.zip", "/example.com/!dep/@v/v0.5.0.zip"
	before := p.count(main)

	ctx, cancel := context.WithCancel(t.Context())
	held := make(chan struct{})
	p.intercept(func(path string) {
		if path == dep {
			cancel()
			<-held
		}
	})
	part := filepath.Join(t.TempDir(), "x.part")
	_, err := s.Fetch(ctx, item, part, nil)
	close(held)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	p.intercept(nil)
	var done, total int64
	if _, err := s.Fetch(t.Context(), item, part, func(d, n int64) { done, total = d, n }); err != nil {
		t.Fatal(err)
	}
	if n := p.count(main) - before; n != 1 {
		t.Errorf("the module was downloaded %d times", n)
	}
	if done == 0 || done != total {
		t.Errorf("progress ended at %d of %d", done, total)
	}

	file := filepath.Join(fetch.PartDir(part), "download", "cache", "download", filepath.FromSlash(dep))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	evil := zipModule("example.com/Dep", "v0.5.0", files{"go.mod": "module example.com/Dep\n", "dep.go": "package dep\n"})
	if err := os.WriteFile(file, evil, 0o644); err != nil {
		t.Fatal(err)
	}
	var mismatch *digest.MismatchError
	if _, err := s.Fetch(t.Context(), item, part, nil); !errors.As(err, &mismatch) {
		t.Errorf("with a damaged download of %d bytes: %v", len(data), err)
	}
}

func TestFetchSharesWithResolve(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	s := newSource(t, p, nil)
	item := resolve(t, s, "example.com/tool/cmd/hello@v1.2.3")
	if _, err := s.Fetch(t.Context(), item, filepath.Join(t.TempDir(), "x.part"), nil); err != nil {
		t.Fatal(err)
	}
	if n := p.count(".zip"); n != 2 {
		t.Errorf("zips were downloaded %d times, want 2", n)
	}
}

// TestFork gives the source a tree head of the same database under another tree.
func TestFork(t *testing.T) {
	t.Parallel()
	p := startProxy(t, world())
	resolve(t, newSource(t, p, nil), "example.com/tool/cmd/hello@v1.2.3") // so that the log has records
	heads := t.TempDir()
	if err := os.MkdirAll(filepath.Join(heads, database), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(heads, database, "latest"), p.foreignHead(t), 0o644); err != nil {
		t.Fatal(err)
	}
	s := newSource(t, p, func(c *gomodule.Config) { c.TreeHeads = heads })
	_, err := s.Resolve(t.Context(), request(t, "example.com/tool/cmd/hello@v1.2.3"), host)
	var refused *gomodule.DatabaseError
	if !errors.As(err, &refused) {
		t.Errorf("error %v", err)
	}
}
