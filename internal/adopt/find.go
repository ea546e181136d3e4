package adopt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"gostore/internal/release"
	"gostore/internal/source/goproxy"
	"gostore/internal/version"
)

// Installed is something that a version manager has installed.
type Installed struct {
	Tool, Version string // of Go what its file VERSION says; else as the manager calls them
	Platform      release.Platform
	Dir           string // the directory; "" when there is a zip only
	Zip           string // a module zip of the same toolchain, "" when there is none
	Problem       string // why it cannot be verified, whatever it holds; "" when it perhaps can
}

// Managers are the version managers that are known, by name: sdk is golang.org/dl, gotoolchain the go command itself.
var Managers = []string{"asdf", "goenv", "gotoolchain", "gvm", "mise", "sdk"}

// unstated is the problem with all tools but Go.
const unstated = "nobody states a digest of an unpacked tree; locked, it is downloaded once"

// manager says where a version manager keeps what it installed.
type manager struct {
	variables []string // that name its directory; the first that is set counts
	share     string   // its directory below the user's data directory
	home      string   // its directory below the home directory, when neither is there
	find      func(dir string) ([]Installed, error)
}

var managers = map[string]manager{
	"asdf":  {[]string{"ASDF_DATA_DIR"}, "", ".asdf", findTools("go")},
	"mise":  {[]string{"MISE_INSTALLS_DIR", "MISE_DATA_DIR"}, "mise", ".local/share/mise", findTools("")},
	"goenv": {[]string{"GOENV_ROOT"}, "", ".goenv", findIn("versions")},
	"gvm":   {[]string{"GVM_ROOT"}, "", ".gvm", findIn("gos")},
	"sdk":   {nil, "", "sdk", findIn("")},

	"gotoolchain": {nil, "", "go/pkg/mod", findModules},
}

// Place returns the directory of a manager: what its variables say, else where it is by default. getenv returns the variables of the
// environment. "" says that there is no home directory to look in. The manager must be one of Managers.
func Place(name string, getenv func(string) string) string {
	m := managers[name]
	for _, v := range m.variables {
		if dir := getenv(v); dir != "" {
			return dir
		}
	}
	if dir := getenv("XDG_DATA_HOME"); m.share != "" && filepath.IsAbs(dir) {
		return filepath.Join(dir, m.share)
	}
	if name == "gotoolchain" {
		if dir := goproxy.GoEnv(getenv, "GOMODCACHE"); dir != "" {
			return dir
		}
		if list := filepath.SplitList(goproxy.GoEnv(getenv, "GOPATH")); len(list) > 0 && list[0] != "" {
			return filepath.Join(list[0], "pkg", "mod")
		}
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, filepath.FromSlash(m.home))
	}
	return ""
}

// Find returns what a manager has installed in its directory, sorted by tool and version. The manager must be one of Managers. A
// directory that is not there satisfies fs.ErrNotExist.
func Find(name, dir string) ([]Installed, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%q is no directory", dir)
	}
	list, err := managers[name].find(dir)
	slices.SortStableFunc(list, func(a, b Installed) int {
		if a.Tool != b.Tool {
			return strings.Compare(a.Tool, b.Tool)
		}
		return version.CompareNatural(a.Version, b.Version)
	})
	return list, err
}

// findIn returns the toolchains below one directory.
func findIn(name string) func(dir string) ([]Installed, error) {
	return func(dir string) ([]Installed, error) {
		var list []Installed
		dirs, err := directories(filepath.Join(dir, name))
		for _, d := range dirs {
			if in, ok := toolchain(d); ok {
				list = append(list, in)
			}
		}
		return list, err
	}
}

// goNames are what managers call Go.
var goNames = []string{"go", "golang"}

// findTools returns the tools below the directory installs, or below dir itself if that is it: a directory for each with one for each
// version. A toolchain is in the version's directory or in one called inner below it.
func findTools(inner string) func(dir string) ([]Installed, error) {
	return func(dir string) ([]Installed, error) {
		if installs := filepath.Join(dir, "installs"); isDir(installs) || !slices.ContainsFunc(goNames, func(name string) bool { return isDir(filepath.Join(dir, name)) }) {
			dir = installs
		}
		tools, err := directories(dir)
		var list []Installed
		for _, tool := range tools {
			versions, versionsErr := directories(tool)
			err = errors.Join(err, versionsErr)
			for _, v := range versions {
				if !slices.Contains(goNames, filepath.Base(tool)) {
					list = append(list, Installed{Tool: filepath.Base(tool), Version: filepath.Base(v), Platform: release.Host(), Dir: v, Problem: unstated})
				} else if in, ok := toolchain(filepath.Join(v, inner)); ok {
					list = append(list, in)
				}
			}
		}
		return list, err
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// directories returns the directories in dir. A link to another one of them is only another name, and one that is not there has none.
func directories(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.Type()&fs.ModeSymlink != 0 && leadsOutside(path, dir) {
			if isDir(path) {
				list = append(list, path)
			}
		}
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			list = append(list, path)
		}
	}
	return list, err
}

// leadsOutside reports whether a link leads to something that is not in dir.
func leadsOutside(link, dir string) bool {
	to, err := filepath.EvalSymlinks(link)
	top, topErr := filepath.EvalSymlinks(dir)
	return err == nil && topErr == nil && filepath.Dir(to) != top
}

// toolchain describes a directory if it is a Go toolchain.
func toolchain(dir string) (Installed, bool) {
	in := Installed{Tool: goTool, Version: filepath.Base(dir), Platform: platformOf(dir), Dir: dir}
	if _, err := os.Stat(filepath.Join(dir, "src", "runtime")); err != nil {
		in.Problem = "it cannot be read: " + err.Error()
		return in, !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR)
	}
	text, err := os.ReadFile(filepath.Join(dir, "VERSION"))
	first, _, _ := strings.Cut(string(text[:min(len(text), 256)]), "\n")
	v := strings.TrimPrefix(strings.TrimSpace(first), "go")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		in.Problem = "it has no file VERSION: built from sources that are no release"
	case err != nil:
		in.Problem = "its file VERSION cannot be read: " + err.Error()
	case !goproxy.IsVersion(v):
		in.Problem = fmt.Sprintf("its file VERSION says %.60q: that is no release", first)
	default:
		in.Version = v
	}
	return in, true
}

// platformOf returns the platform of a toolchain: that of its tools, where they are for one only, else this machine's.
func platformOf(dir string) release.Platform {
	entries, err := os.ReadDir(filepath.Join(dir, "pkg", "tool"))
	if err != nil || len(entries) != 1 {
		return release.Host()
	}
	system, arch, _ := strings.Cut(entries[0].Name(), "_")
	if p, err := release.ParsePlatform(system + "/" + arch); err == nil {
		return p
	}
	return release.Host()
}

// findModules returns the toolchains of a module cache: directories and zips.
func findModules(dir string) ([]Installed, error) {
	const host, name = "golang.org", "toolchain@"
	byModule := map[string]Installed{}
	dirs, err := directories(filepath.Join(dir, host))
	for _, d := range dirs {
		if v, ok := strings.CutPrefix(filepath.Base(d), name); ok {
			addModule(byModule, v, func(in *Installed) { in.Dir = d })
		}
	}
	zips, zipErr := filepath.Glob(filepath.Join(escape(dir), "cache", "download", host, "toolchain", "@v", "*.zip"))
	for _, z := range zips {
		addModule(byModule, strings.TrimSuffix(filepath.Base(z), ".zip"), func(in *Installed) { in.Zip = z })
	}
	var list []Installed
	for _, in := range byModule {
		list = append(list, in)
	}
	slices.SortFunc(list, func(a, b Installed) int { return a.Platform.Compare(b.Platform) })
	return list, errors.Join(err, zipErr)
}

func addModule(all map[string]Installed, moduleVersion string, set func(*Installed)) {
	v, p, ok := goproxy.ParseModule("golang.org/toolchain@" + moduleVersion)
	if !ok {
		return
	}
	in := all[moduleVersion]
	in.Tool, in.Version, in.Platform = goTool, v, p
	set(&in)
	all[moduleVersion] = in
}

// escape makes a directory's name match itself in a pattern.
func escape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
