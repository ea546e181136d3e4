// Package distribution makes what people download: for each platform an archive with the static program, its manual pages,
// completions, documents and the licences of everything in it, laid out so that it can be unpacked over /usr/local or ~/.local; and a file of their SHA-256.
//
// The same sources, version, day and Go release make the same bytes, on every machine: programs are built without paths and
// without cgo, archives have names in order, one time, no owner.
package distribution

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gostore/cmd"
	"gostore/internal/manual"
)

// Platforms are the platforms that packages are made for, as OS/ARCH.
var Platforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"}

// Sums is the name of the file of digests.
const Sums = "SHA256SUMS"

// Options say what to make.
type Options struct {
	Source    string    // the directory of the module
	Out       string    // where the packages go; made if it is not there
	Version   string    // in the packages' names; "" is what the program calls itself
	Day       time.Time // of the files
	Platforms []string  // nil is Platforms
	Go        string    // the go command; "" is the one on PATH
}

// Make makes the packages and returns their names. What was in Out under such a name is replaced.
func Make(ctx context.Context, o Options) (names []string, err error) {
	o.Version = cmp.Or(o.Version, cmd.Version)
	if strings.ContainsAny(o.Version, "/ \n") {
		return nil, fmt.Errorf("version %q: want one word without a slash", o.Version)
	}
	if o.Platforms == nil {
		o.Platforms = Platforms
	}
	common, err := commonFiles(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return nil, err
	}
	var sums strings.Builder
	for _, p := range o.Platforms {
		files := slices.Clone(common)
		for _, program := range []string{"gostore", "gostore-shim"} {
			data, err := compile(ctx, o, program, p)
			if err != nil {
				return nil, err
			}
			files = append(files, file{"bin/" + program, data, 0o755})
		}
		name := fmt.Sprintf("gostore-%s-%s", o.Version, strings.ReplaceAll(p, "/", "-"))
		archive, err := pack(name, files, o.Day)
		if err != nil {
			return nil, fmt.Errorf("packing %q: %w", name, err)
		}
		name += ".tar.gz"
		if err := os.WriteFile(filepath.Join(o.Out, name), archive, 0o644); err != nil {
			return nil, err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(archive), name)
		names = append(names, name)
	}
	return names, os.WriteFile(filepath.Join(o.Out, Sums), []byte(sums.String()), 0o644)
}

// shimTags leave the detection of the processor out of the shim, which hashes a few kilobytes: it is 0.2 ms of a start.
const shimTags = "-tags=noasm"

// compile builds a program of cmd for a platform.
func compile(ctx context.Context, o Options, name, platform string) ([]byte, error) {
	system, arch, ok := strings.Cut(platform, "/")
	if !ok {
		return nil, fmt.Errorf("platform %q: want OS/ARCH", platform)
	}
	dir, err := os.MkdirTemp("", "gostore-package-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // best effort: it is in the directory for temporary files
	program := filepath.Join(dir, name)
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", program}
	if name == "gostore-shim" {
		args = append(args, shimTags)
	}
	c := exec.CommandContext(ctx, cmp.Or(o.Go, "go"), append(args, "./cmd/"+name)...)
	c.Dir = o.Source
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOOS="+system, "GOARCH="+arch)
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building %s for %s: %w\n%s", name, platform, err, bytes.TrimSpace(out))
	}
	return os.ReadFile(program)
}

// completions are where shells look for completions below a prefix.
var completions = map[string]string{
	"bash":       "share/bash-completion/completions/gostore",
	"zsh":        "share/zsh/site-functions/_gostore",
	"fish":       "share/fish/vendor_completions.d/gostore.fish",
	"powershell": "share/gostore/gostore.ps1",
}

// commonFiles returns what all platforms have.
func commonFiles(ctx context.Context, o Options) (files []file, err error) {
	all := cmd.Describe()
	for _, d := range all {
		name := "share/man/man" + manual.Section + "/" + manual.Name(d) + "." + manual.Section
		files = append(files, file{name, []byte(manual.Page(d, all, o.Day)), 0o644})
	}
	for shell, name := range completions {
		var b bytes.Buffer
		if err := cmd.Completion(&b, shell); err != nil {
			return nil, err
		}
		files = append(files, file{name, b.Bytes(), 0o644})
	}
	licenses, err := Licenses(ctx, o)
	if err != nil {
		return nil, err
	}
	files = append(files, file{"share/doc/gostore/LICENSES", licenseText(licenses), 0o644})
	documents, err := documents(o.Source)
	return append(files, documents...), err
}

// documents returns the licence, the files beside it that people read, and docs.
func documents(source string) (files []file, err error) {
	const to = "share/doc/gostore/"
	add := func(name string) error {
		data, err := os.ReadFile(filepath.Join(source, filepath.FromSlash(name)))
		files = append(files, file{to + name, data, 0o644})
		return err
	}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md"} {
		err = errors.Join(err, add(name))
	}
	return files, errors.Join(err, fs.WalkDir(os.DirFS(source), "docs", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		return add(path)
	}))
}
