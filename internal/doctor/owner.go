package doctor

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"strings"
)

// describe says what a program is that PATH leads to: whose, and which version.
func (h *Host) describe(p hit) string {
	what := h.owner(p)
	if v := versionOf(p.real); v != "" {
		what += ", version " + v
	}
	return what
}

// owner says who put a program where it is.
func (h *Host) owner(p hit) string {
	switch {
	case h.isShim(p):
		return "a shim of gostore"
	case h.isOurs(p):
		return "gostore's"
	}
	if m, ok := managerOf(p); ok {
		return "of " + m.name
	}
	for _, o := range owners {
		if strings.Contains(p.real+"\n"+p.path+"\n", o.part) {
			return o.what
		}
	}
	tree := filepath.Dir(filepath.Dir(p.real))
	switch {
	case exists(filepath.Join(tree, "VERSION")) && exists(filepath.Join(tree, "pkg")):
		return "a Go toolchain in " + h.short(tree)
	case strings.Contains(p.path, "/go/bin/"):
		return "installed by go install"
	}
	if root := h.getenv("GOROOT"); root != "" && p.dir == filepath.Join(root, "bin") {
		return "of GOROOT"
	}
	return "somebody's"
}

// owners are the places where things lie that have no manager which can be asked, by a part of the path.
var owners = []struct{ part, what string }{
	{"/pkg/mod/golang.org/toolchain@", "downloaded by the go command (GOTOOLCHAIN)"},
	{"/usr/local/go/", "the archive of go.dev, unpacked to /usr/local/go"},
	{"/sdk/go", "installed by golang.org/dl"},
	{"/snap/", "a snap package"},
	{"/usr/lib/go", "a package of the distribution"},
	{"/usr/lib/golang/", "a package of the distribution"},
	{"/opt/homebrew/", "Homebrew's"},
	{"/home/linuxbrew/", "Homebrew's"},
	{"/usr/local/Cellar/", "Homebrew's"},
	{"/nix/store/", "Nix's"},
	{"/usr/bin/", "a package of the distribution"},
	{"\n/bin/", "a package of the distribution"},
	{"/usr/local/bin/", "put into /usr/local/bin by hand or by an installer"},
}

// versionOf returns the version that a program says without being started: a Go toolchain's from its VERSION file, another
// Go program's from what the linker wrote into it; else "".
func versionOf(path string) string {
	if data, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(path)), "VERSION")); err == nil {
		line, _, _ := strings.Cut(string(data), "\n")
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "go"); ok {
			return v
		}
	}
	info, err := buildinfo.ReadFile(path)
	switch {
	case err != nil:
		return ""
	case strings.HasPrefix(info.Path, "cmd/"):
		return strings.TrimPrefix(info.GoVersion, "go")
	case info.Main.Version == "(devel)":
		return ""
	}
	return info.Main.Version
}
