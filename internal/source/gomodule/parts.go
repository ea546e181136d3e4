package gomodule

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/dirhash"

	"gostore/internal/digest"
	"gostore/internal/release"
)

// modSuffix ends the version in a line of go.sum, and the name of a part, that is about a module's go.mod alone.
const modSuffix = "/go.mod"

// sums returns what the main module's go.sum has, sorted.
func (d *download) sums() ([]release.Part, error) {
	data, err := os.ReadFile(d.work.path(mainDir, "go.sum"))
	if err != nil {
		return nil, err
	}
	return parseSums(string(data))
}

// parseSums reads a go.sum, in which every line has a module's path, a version and an h1 digest.
func parseSums(text string) ([]release.Part, error) {
	var parts []release.Part
	n := 0
	for line := range strings.Lines(text) {
		n++
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 {
			return nil, fmt.Errorf("go.sum:%d: has %d words, want 3", n, len(f))
		}
		h, err := digest.ParseArchive(f[2])
		if err == nil && h.Algorithm() != "h1" {
			err = fmt.Errorf("digest %q is no h1 digest", f[2])
		}
		if err == nil {
			_, err = parsePart(f[0] + "@" + f[1])
		}
		if err != nil {
			return nil, fmt.Errorf("go.sum:%d: %w", n, err)
		}
		parts = append(parts, release.Part{Name: f[0] + "@" + f[1], Digest: h})
	}
	slices.SortFunc(parts, release.Part.Compare)
	for i := 1; i < len(parts); i++ {
		if parts[i].Name == parts[i-1].Name {
			return nil, fmt.Errorf("go.sum: has two lines about %q", parts[i].Name)
		}
	}
	return parts, nil
}

// modulePart is what the name of a part says.
type modulePart struct {
	module.Version
	mod bool // its go.mod alone
}

// parsePart reads MODULE@VERSION and MODULE@VERSION/go.mod. Parts become names of files, so nothing else is let through.
func parsePart(name string) (modulePart, error) {
	path, version, _ := strings.Cut(name, "@")
	version, mod := strings.CutSuffix(version, modSuffix)
	if err := module.Check(path, version); err != nil {
		return modulePart{}, fmt.Errorf("part %q: %w", name, err)
	}
	return modulePart{module.Version{Path: path, Version: version}, mod}, nil
}

// file returns where a module proxy has the file of a part, with another suffix than its own if one is given.
func (p modulePart) file(suffix string) (string, error) {
	path, err := module.EscapePath(p.Path)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(p.Version.Version)
	if err != nil {
		return "", err
	}
	if suffix == "" {
		suffix = ".zip"
		if p.mod {
			suffix = ".mod"
		}
	}
	return filepath.Join(filepath.FromSlash(path), "@v", version+suffix), nil
}

// publish fills the directory proxyDir with the modules that were downloaded, after it compared the digest of each file with the lock. A
// module that the lock does not list, or lists with another digest, is a *digest.MismatchError.
func (w work) publish(downloaded, locked []release.Part) error {
	if err := os.RemoveAll(w.path(proxyDir)); err != nil {
		return err
	}
	want := partDigests(locked)
	versions := map[string][]string{}
	for _, part := range downloaded {
		p, err := parsePart(part.Name)
		if err != nil {
			return err
		}
		h, ok := want[part.Name]
		if !ok {
			return &digest.MismatchError{What: part.Name + ", which the lock does not list,", Want: "none", Got: part.Digest.String()}
		}
		if err := w.publishPart(p, part.Name, h); err != nil {
			return err
		}
		versions[p.Path] = append(versions[p.Path], p.Version.Version)
	}
	for path, list := range versions {
		if err := w.publishVersions(path, list); err != nil {
			return err
		}
	}
	return nil
}

// publishPart puts one file into the proxy.
func (w work) publishPart(p modulePart, name string, want digest.Archive) error {
	rel, err := p.file("")
	if err != nil {
		return err
	}
	from, to := w.path(downloadDir, "cache", "download", rel), w.path(proxyDir, rel)
	got, err := hashFile(from, p.mod)
	if err != nil {
		return fmt.Errorf("reading %q: %w", name, err)
	}
	if got != want.String() {
		return &digest.MismatchError{What: name, Want: want.String(), Got: got}
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Link(from, to)
}

// shared is the directory in which the modules that were downloaded by Resolve stay, as a module proxy has them; "" when they do not. It is not
// trusted more than any proxy.
func (s *Source) shared() string {
	temp, err := s.temp()
	if temp == "" || err != nil { // they are only downloaded again
		return ""
	}
	return filepath.Join(temp, "modules")
}

// share links what was downloaded into the shared directory.
func (s *Source) share(w work, parts []release.Part) error {
	if s.shared() == "" {
		return nil
	}
	for _, part := range parts {
		p, err := parsePart(part.Name)
		if err != nil {
			return err
		}
		rel, err := p.file("")
		if err != nil {
			return err
		}
		to := filepath.Join(s.shared(), rel)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.Link(w.path(downloadDir, "cache", "download", rel), to); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// hashFile returns the h1 digest of a module's zip, or of a go.mod, as go.sum has it.
func hashFile(file string, mod bool) (string, error) {
	if !mod {
		return dirhash.HashZip(file, dirhash.Hash1)
	}
	return dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return os.Open(file) })
}

// publishVersions writes what else a proxy says of a module: which versions there are, and when they were made, which
// is not known here and does not matter.
func (w work) publishVersions(path string, versions []string) error {
	semver.Sort(versions)
	versions = slices.Compact(versions)
	for _, v := range versions {
		info, err := modulePart{Version: module.Version{Path: path, Version: v}}.file(".info")
		if err == nil {
			err = os.WriteFile(w.path(proxyDir, info), fmt.Appendf(nil, "{\"Version\":%q}\n", v), 0o644)
		}
		if err != nil {
			return err
		}
	}
	escaped, err := module.EscapePath(path)
	if err != nil {
		return err
	}
	list := slices.DeleteFunc(versions, module.IsPseudoVersion)
	return os.WriteFile(w.path(proxyDir, filepath.FromSlash(escaped), "@v", "list"), []byte(strings.Join(append(list, ""), "\n")), 0o644)
}
