// Package toolchains has the real Go toolchains that the benchmark installs, and serves them from the loopback interface.
//
// They are downloaded once, through the module proxy that the go command is configured with, and kept in a directory. The same bytes
// are then a proxy for file:// URLs, a proxy over HTTP, and a mirror of archives as other version managers download them.
package toolchains

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"
)

// Cache is a directory with toolchains, and the server of it.
type Cache struct {
	URL string // of the module proxy over HTTP

	dir      string
	upstream string // the proxy that has what the cache lacks
	server   *http.Server
}

// Open serves a directory until Close. What is asked of the server's proxy and not in the directory is fetched from the first
// proxy of the go command's configuration, and kept.
func Open(ctx context.Context, dir string) (*Cache, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOPROXY").Output()
	if err != nil {
		return nil, fmt.Errorf("asking the go command for its GOPROXY: %w", err)
	}
	upstream, _, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(string(out)), "|", ","), ",")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Cache{URL: "http://" + l.Addr().String() + "/proxy", dir: dir, upstream: strings.TrimSuffix(upstream, "/")}
	mux := http.NewServeMux()
	mux.Handle("/proxy/", http.StripPrefix("/proxy", http.HandlerFunc(c.proxy)))
	mux.Handle("/archives/", http.StripPrefix("/archives/", http.FileServer(http.Dir(c.archives()))))
	c.server = &http.Server{Handler: mux}
	go c.server.Serve(l) // until Close: what it returns then says only that
	return c, nil
}

// Close stops serving. The directory stays for the next time.
func (c *Cache) Close() error { return c.server.Close() }

// FileURL returns the file:// URL of the proxy: the toolchains without a checksum database.
func (c *Cache) FileURL() string { return "file://" + filepath.Join(c.dir, "proxy") }

// MirrorURL returns the URL under which the archives are served, without a slash at its end.
func (c *Cache) MirrorURL() string { return strings.TrimSuffix(c.URL, "/proxy") + "/archives" }

// Zip returns the path of a version's module zip.
func (c *Cache) Zip(version string) string {
	return filepath.Join(c.dir, "proxy", files(version)+".zip")
}

// files returns the path of a toolchain's files on a proxy, without their extensions.
func files(version string) string {
	return fmt.Sprintf("golang.org/toolchain/@v/v0.0.1-%s.%s-%s", version, runtime.GOOS, runtime.GOARCH)
}

// Fetch has the toolchains of versions, such as go1.22.6, in the cache, each with the .ziphash that a module cache has beside it.
func (c *Cache) Fetch(ctx context.Context, versions ...string) error {
	for _, v := range versions {
		for _, ext := range []string{".info", ".mod", ".zip"} {
			if _, err := c.have(ctx, "/"+files(v)+ext); err != nil {
				return fmt.Errorf("fetching %s: %w", v, err)
			}
		}
		if err := ziphash(c.Zip(v)); err != nil {
			return err
		}
	}
	return nil
}

func ziphash(zip string) error {
	name := zip + "hash"
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	sum, err := dirhash.HashZip(zip, dirhash.Hash1)
	if err != nil {
		return err
	}
	return os.WriteFile(name, []byte(sum), 0o644)
}

// proxy answers as a module proxy does.
func (c *Cache) proxy(w http.ResponseWriter, r *http.Request) {
	name, err := c.have(r.Context(), path.Clean("/"+r.URL.Path))
	var status statusError
	switch {
	case errors.As(err, &status):
		http.Error(w, status.Error(), int(status))
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	default:
		http.ServeFile(w, r, name)
	}
}

// statusError is another answer of upstream than 200.
type statusError int

func (s statusError) Error() string { return http.StatusText(int(s)) }

// have returns the path of what a proxy serves under a clean URL path, having fetched it if need be. What belongs to a
// checksum database is kept apart, so that the file:// proxy has none: it would be one with holes.
func (c *Cache) have(ctx context.Context, url string) (string, error) {
	name := filepath.Join(c.dir, "proxy", filepath.FromSlash(url))
	if strings.HasPrefix(url, "/sumdb/") {
		name = filepath.Join(c.dir, filepath.FromSlash(url))
	}
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
		return name, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.upstream+url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", statusError(resp.StatusCode)
	}
	return name, keep(name, resp.Body)
}

// keep writes a file that is there completely or not at all.
func keep(name string, from io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".fetching-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // it is not there any more when all went well
	if _, err := io.Copy(file, from); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}
