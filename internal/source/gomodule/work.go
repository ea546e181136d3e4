package gomodule

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"gostore/internal/release"
)

// Directories of a work.
const (
	homeDir     = "home"
	tempDir     = "tmp"
	pathDir     = "gopath"   // GOPATH: what go install makes, and tree heads of the checksum database
	downloadDir = "download" // GOMODCACHE of what reads from the network
	proxyDir    = "proxy"    // the modules whose digests were compared, as a module proxy has them
	modulesDir  = "modules"  // GOMODCACHE of the build
	cacheDir    = "cache"    // GOCACHE
	mainDir     = "main"     // the module that requires the one with the package
)

// work is a directory in which go commands run: everything that they write is in it.
type work string

// path returns the path of a file of the directory.
func (w work) path(elements ...string) string {
	return filepath.Join(string(w), filepath.Join(elements...))
}

// prepare makes the directory, or goes on with one that was left. The go command's telemetry is turned off in it, which would
// start a process that lives on.
func (w work) prepare() error {
	if err := os.RemoveAll(w.path(tempDir)); err != nil {
		return err
	}
	for _, dir := range []string{homeDir, tempDir, pathDir, downloadDir, mainDir} {
		if err := os.MkdirAll(w.path(dir), 0o755); err != nil {
			return err
		}
	}
	config := w.path(homeDir, ".config")
	if runtime.GOOS == "darwin" {
		config = w.path(homeDir, "Library", "Application Support")
	}
	mode := filepath.Join(config, "go", "telemetry", "mode")
	if err := os.MkdirAll(filepath.Dir(mode), 0o755); err != nil {
		return err
	}
	return os.WriteFile(mode, []byte("off"), 0o644)
}

// environ is the environment of every go command: all that could change what it does is either stated here or absent. Architecture levels are
// stated because a toolchain may have been built with others as its default.
func (w work) environ(t Toolchain, p release.Platform) []string {
	return []string{
		"PATH=" + filepath.Join(t.Dir, "bin"),
		"HOME=" + w.path(homeDir), "TMPDIR=" + w.path(tempDir),
		"GOPATH=" + w.path(pathDir), "GOCACHE=" + w.path(cacheDir),
		"GOENV=off", "GOWORK=off", "GO111MODULE=on", "GOTOOLCHAIN=local", "GOVCS=*:off",
		"GOFLAGS=-modcacherw", // or the directory could not be removed by plain means
		"GOOS=" + p.OS, "GOARCH=" + p.Arch, "GOAMD64=v1", "GOARM64=v8.0", "CGO_ENABLED=0",
	}
}

// networkVariables are the variables of the user's environment that matter for downloads.
var networkVariables = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"}

// networkEnviron returns those of environ that matter for downloads, in either case. The user's .netrc is named, since
// the go command would look for it in its HOME, which is another.
func networkEnviron(environ []string) []string {
	var list []string
	named := false
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		for _, known := range networkVariables {
			if strings.EqualFold(name, known) {
				list = append(list, v)
				named = named || known == "NETRC"
			}
		}
	}
	if home := lookup(environ, "HOME"); !named && home != "" {
		list = append(list, "NETRC="+filepath.Join(home, ".netrc"))
	}
	return list
}

// lookup returns the value of a variable, "" when it is not set.
func lookup(environ []string, name string) string {
	value := ""
	for _, v := range environ {
		if rest, ok := strings.CutPrefix(v, name+"="); ok {
			value = rest
		}
	}
	return value
}

// seed lets the go command know the newest tree head that package goproxy has seen of a database, so that it notices
// when the database has forked since.
func (w work) seed(heads, database string) error {
	if heads == "" {
		return nil
	}
	file := w.path(pathDir, "pkg", "sumdb", database, "latest")
	if _, err := os.Stat(file); err == nil {
		return nil // it has one from an earlier attempt
	}
	data, err := os.ReadFile(filepath.Join(heads, database, "latest"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// fileURL returns the URL of a directory as an element of GOPROXY, where commas and bars separate.
func fileURL(dir string) string {
	u := url.URL{Scheme: "file", Path: dir}
	return strings.ReplaceAll(u.String(), ",", "%2C")
}

// watchEvery is how often progress is told.
const watchEvery = 500 * time.Millisecond

// watch tells how many bytes of module zips a download has, until the function that it returns is called.
func (w work) watch(total int64, progress func(done, total int64)) (stop func()) {
	if progress == nil {
		return func() {}
	}
	if total <= 0 {
		total = -1
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			progress(w.zipBytes(), total)
			select {
			case <-tick.C:
			case <-done:
				progress(w.zipBytes(), total)
				return
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// zipBytes returns how many bytes the downloaded module zips have.
func (w work) zipBytes() int64 {
	var sum int64
	_ = filepath.WalkDir(w.path(downloadDir, "cache", "download"), func(_ string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // files come and go
		case e.IsDir() && e.Name() == "sumdb":
			return fs.SkipDir
		case strings.HasSuffix(e.Name(), ".zip"):
			if info, err := e.Info(); err == nil {
				sum += info.Size()
			}
		}
		return nil
	})
	return sum
}
