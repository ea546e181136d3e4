package distribution

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// License says under what a part of the programs is published.
type License struct {
	Module  string   // its path, "Go" for the standard library and the runtime
	Version string   // "" for Go's
	Names   []string // of the licences, sorted: as SPDX has them, where it has them
	Texts   []Text   // at least one
}

// Text is a licence, a notice, or a list of authors that a licence asks to be passed on.
type Text struct {
	File string // its name in the module, with slashes
	Data []byte
}

// licenseFile is how files of licences and notices are named.
const licenseFile = `(?i)^((un)?licen[cs]e|copying|notice|patents)([.-].*)?$`

// Licenses returns what the programs for o.Platforms are built from, Go first, then the modules by their paths. A module in
// which no known licence is found is an error: somebody has to look.
func Licenses(ctx context.Context, o Options) ([]License, error) {
	used, err := packagesUsed(ctx, o)
	if err != nil {
		return nil, err
	}
	goroot, err := exec.CommandContext(ctx, cmp.Or(o.Go, "go"), "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("asking for GOROOT: %w", err)
	}
	root := strings.TrimSpace(string(goroot))
	licenses := []License{{Module: "Go"}}
	licenses[0].Texts, err = texts(root, []string{root})
	errs := []error{err}
	for _, path := range slices.Sorted(maps.Keys(used)) {
		m := used[path]
		l := License{Module: path, Version: m.Version}
		l.Texts, err = texts(m.Dir, m.packages)
		errs, licenses = append(errs, err), append(licenses, l)
	}
	for i := range licenses {
		errs = append(errs, licenses[i].name())
	}
	return licenses, errors.Join(errs...)
}

// module is a module and those of its packages that are used.
type module struct {
	Path, Version, Dir string
	Main               bool
	packages           []string // their directories
}

// packagesUsed asks the go command which packages of which modules the programs link.
func packagesUsed(ctx context.Context, o Options) (map[string]*module, error) {
	used := map[string]*module{}
	for _, p := range o.Platforms {
		system, arch, _ := strings.Cut(p, "/")
		c := exec.CommandContext(ctx, cmp.Or(o.Go, "go"), "list", "-deps", "-json=Dir,Module", "./cmd/gostore", "./cmd/gostore-shim")
		c.Dir = o.Source
		c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+system, "GOARCH="+arch)
		out, err := c.Output()
		if err != nil {
			return nil, fmt.Errorf("listing what the programs for %s link: %w", p, err)
		}
		decoder := json.NewDecoder(bytes.NewReader(out))
		for {
			var pkg struct {
				Dir    string
				Module *module
			}
			if err := decoder.Decode(&pkg); err == io.EOF {
				break
			} else if err != nil {
				return nil, fmt.Errorf("listing what the programs for %s link: %w", p, err)
			}
			if pkg.Module == nil || pkg.Module.Main {
				continue
			}
			m, ok := used[pkg.Module.Path]
			if !ok {
				m, used[pkg.Module.Path] = pkg.Module, pkg.Module
			}
			m.packages = append(m.packages, pkg.Dir)
		}
	}
	return used, nil
}

// texts returns the licences in the directories of packages and in those above them, up to the module's.
func texts(root string, packages []string) (found []Text, err error) {
	match := regexp.MustCompile(licenseFile).MatchString
	seen := map[string]bool{}
	for _, dir := range packages {
		for ; !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			entries, err := os.ReadDir(dir)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				if !e.Type().IsRegular() || !match(e.Name()) || filepath.Ext(e.Name()) == ".go" {
					continue
				}
				path := filepath.Join(dir, e.Name())
				data, err := os.ReadFile(path)
				if err != nil {
					return nil, err
				}
				name, err := filepath.Rel(root, path)
				if err != nil {
					return nil, err
				}
				found = append(found, Text{filepath.ToSlash(name), data})
			}
			if dir == root {
				break
			}
		}
	}
	slices.SortFunc(found, func(a, b Text) int { return cmp.Compare(a.File, b.File) })
	return found, nil
}

// name finds out which licences the texts are.
func (l *License) name() error {
	for _, text := range l.Texts {
		for _, m := range licensecheck.Scan(text.Data).Match {
			if !slices.Contains(l.Names, m.ID) && !m.IsURL {
				l.Names = append(l.Names, m.ID)
			}
		}
	}
	slices.Sort(l.Names)
	if len(l.Names) == 0 {
		return fmt.Errorf("module %q: has no licence that is known", l.Module)
	}
	return nil
}

// licenseText returns all texts in one file, as the licences want it to be passed on with programs.
func licenseText(licenses []License) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "The programs contain these works of others, each under its own licence.")
	for _, l := range licenses {
		for _, text := range l.Texts {
			fmt.Fprintf(&b, "\n%s\n%s, %s\n\n%s\n", strings.Repeat("=", 80), strings.TrimSpace(l.Module+" "+l.Version), text.File, bytes.TrimSpace(text.Data))
		}
	}
	return b.Bytes()
}
