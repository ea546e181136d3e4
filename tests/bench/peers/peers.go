// Package peers finds the programs that gostore is compared with, and installs those that a package registry has.
//
// What is not there is skipped by its name and never an error. Whatever is installed comes through the ordinary clients: Debian's
// packages through apt, npm's into a directory of the benchmark's own.
package peers

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Peer is a program that comparisons use.
type Peer struct {
	Command string   // its name on PATH
	Debian  string   // the package that has it, "" is none
	NPM     string   // the same, of npm
	Version []string // arguments with which it says its version; nil is --version
}

// All are the peers, in the order in which they are reported.
var All = []Peer{
	{Command: "go", Version: []string{"version"}},
	{Command: "mise", NPM: "mise"},
	{Command: "nix-store", Debian: "nix-bin"},
	{Command: "nix-env", Debian: "nix-bin"},
	{Command: "unzip", Debian: "unzip", Version: []string{"-v"}},
	{Command: "bsdtar", Debian: "libarchive-tools"},
	{Command: "tar", Debian: "tar"},
	{Command: "gzip", Debian: "gzip"},
	{Command: "xz", Debian: "xz-utils"},
	{Command: "zstd", Debian: "zstd"},
	{Command: "b3sum", Debian: "b3sum"},
	{Command: "sha256sum", Debian: "coreutils"},
	{Command: "git", Debian: "git"},
	{Command: "asdf", Version: []string{"version"}},
	{Command: "goenv"},
}

// Found are the peers that are there.
type Found struct {
	paths    map[string]string
	versions map[string]string
}

// Find looks for the peers on PATH, and for npm's in the directory that Install fills.
func Find(ctx context.Context, npmDir string) Found {
	f := Found{map[string]string{}, map[string]string{}}
	for _, p := range All {
		path, err := exec.LookPath(p.Command)
		if err != nil {
			if path, err = exec.LookPath(filepath.Join(npmDir, "node_modules", ".bin", p.Command)); err != nil {
				continue
			}
		}
		f.paths[p.Command] = path
		f.versions[p.Command] = version(ctx, path, p.Version)
	}
	return f
}

// Path returns where a peer is, and whether it is there.
func (f Found) Path(command string) (path string, ok bool) {
	path, ok = f.paths[command]
	return path, ok
}

// Missing returns the commands among those given that are not there.
func (f Found) Missing(commands ...string) []string {
	return slices.DeleteFunc(slices.Clone(commands), func(c string) bool { _, ok := f.paths[c]; return ok })
}

// Version returns what a peer says of its version, "" where it says nothing.
func (f Found) Version(command string) string { return f.versions[command] }

// version returns the first line of a program's account of itself, cut to what is worth a cell of a table.
func version(ctx context.Context, path string, args []string) string {
	if args == nil {
		args = []string{"--version"}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "MISE_OFFLINE=1")
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return Short(string(out))
}

// Short returns the first line of what a program says of its version, up to 60 bytes of it, without what follows a comma or a dash.
func Short(said string) string {
	line, _, _ := strings.Cut(strings.Trim(said, "* \n"), "\n")
	for _, sign := range []string{",", " - ", " by ", " of "} {
		line, _, _ = strings.Cut(line, sign)
	}
	return strings.TrimSpace(line[:min(len(line), 60)])
}

// Install installs what is missing and can be had: Debian's packages where the user is root and there is an apt-get, npm's into
// npmDir. It says on w what it installs, and what it could not.
func Install(ctx context.Context, npmDir string, w io.Writer) {
	found := Find(ctx, npmDir)
	var debian, npm []string
	for _, p := range All {
		_, there := found.Path(p.Command)
		switch {
		case there:
		case p.Debian != "" && !slices.Contains(debian, p.Debian):
			debian = append(debian, p.Debian)
		case p.NPM != "":
			npm = append(npm, p.NPM)
		}
	}
	if len(debian) > 0 {
		said := "not root, or no apt-get"
		if _, err := exec.LookPath("apt-get"); err == nil && os.Geteuid() == 0 {
			said = install(ctx, "apt-get", append([]string{"-qq", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends"}, debian...)...)
		}
		fmt.Fprintf(w, "Debian packages %s: %s\n", strings.Join(debian, " "), said)
	}
	if len(npm) > 0 {
		said := install(ctx, "npm", append([]string{"install", "--prefix", npmDir, "--no-save", "--no-audit", "--no-fund", "--silent"}, npm...)...)
		fmt.Fprintf(w, "npm packages %s: %s\n", strings.Join(npm, " "), said)
	}
}

// install runs a package manager and says what came of it.
func install(ctx context.Context, command string, args ...string) string {
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Sprintf("not installed: %v: %s", err, lines[len(lines)-1])
	}
	return "installed"
}
