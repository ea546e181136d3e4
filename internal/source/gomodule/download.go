package gomodule

import (
	"context"
	"errors"
	"fmt"
	"go/version"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"gostore/internal/release"
)

// download is a work with a toolchain, and what its go commands need to know to read from the network.
type download struct {
	work      work
	toolchain Toolchain
	host      release.Platform
	proxies   string // GOPROXY
	sumdb     string // GOSUMDB
	flags     []string
	environ   []string // the user's
}

// newDownload prepares a directory for downloads. Modules that the directory has are not read again.
func (s *Source) newDownload(ctx context.Context, w work, t Toolchain, flags []string) (*download, error) {
	if err := w.prepare(); err != nil {
		return nil, err
	}
	d := &download{work: w, toolchain: t, host: release.Host(), sumdb: s.config.SumDB, flags: flags, environ: s.config.Environ}
	d.proxies = "off"
	if !s.config.Offline {
		list, err := s.config.Proxies(ctx)
		if err != nil {
			return nil, err
		}
		d.proxies = withoutDirect(list)
		if dir := s.shared(); dir != "" {
			d.proxies = fileURL(dir) + "," + d.proxies
		}
	}
	return d, w.seed(s.config.TreeHeads, d.database())
}

// withoutDirect leaves "direct" out of a list of proxies, unless it is all that the list has. With it, the go command would look for
// every module that a proxy does not have, such as each beginning of a package's path, at a server of that name.
func withoutDirect(list string) string {
	i := strings.LastIndexAny(list, ",|")
	if i >= 0 && strings.TrimSpace(list[i+1:]) == "direct" {
		return list[:i]
	}
	return list
}

// database returns the name of the checksum database, "" when it is not asked.
func (d *download) database() string {
	if slices.Contains(d.flags, flagUnlogged) {
		return ""
	}
	name, _, _ := strings.Cut(strings.TrimSpace(d.sumdb), " ")
	name, _, _ = strings.Cut(name, "+")
	return name
}

// command returns a command that may read from the network, to be run in the directory of the main module.
func (d *download) command(p release.Platform, args ...string) command {
	env := append(d.work.environ(d.toolchain, p), networkEnviron(d.environ)...)
	env = append(env, "GOMODCACHE="+d.work.path(downloadDir), "GOPROXY="+d.proxies, "GOSUMDB="+d.sumdb)
	if d.database() == "" {
		env = append(env, "GOSUMDB=off")
	}
	return command{
		toolchain: d.toolchain, database: d.database(), dir: d.work.path(mainDir),
		env: append(env, cgo(d.flags)...), args: args,
	}
}

// cgo returns what the environment has more for a build with cgo.
func cgo(flags []string) []string {
	if slices.Contains(flags, flagCgo) {
		return []string{"CGO_ENABLED=1"}
	}
	return nil
}

// root is a package and the module that has it.
type root struct{ pkg, module, version string }

// require makes the main module: it requires one module, and its go.sum is empty, so that the checksum database is asked
// for every module.
func (d *download) require(m root) error {
	mod := fmt.Sprintf("module gostore.invalid/main\n\ngo %s\n\nrequire %s %s\n", d.toolchain.Version, m.module, m.version)
	return errors.Join(os.WriteFile(d.work.path(mainDir, "go.mod"), []byte(mod), 0o644),
		os.WriteFile(d.work.path(mainDir, "go.sum"), nil, 0o644))
}

// errElsewhere says that a package is in no module of the build list, or in another than is required.
var errElsewhere = errors.New("the module does not have the package")

// rootTemplate prints a line for the package that was asked for, of those that it needs.
const rootTemplate = `{{if not .DepOnly}}{{.Name}} {{with .Module}}{{.Path}} {{.Version}}{{end}}{{end}}`

// load downloads all modules whose packages the package is made of on a platform. The main module's go.sum then has
// their digests, besides those that it had.
func (d *download) load(ctx context.Context, m root, p release.Platform) error {
	out, err := d.command(p, "list", "-mod=mod", "-deps", "-f", rootTemplate, m.pkg).run(ctx)
	if err != nil {
		var failed *CommandError
		if errors.As(err, &failed) && mentions(failed.Lines, "build constraints exclude all Go files in") {
			return &release.NotFoundError{Tool: m.pkg, Version: m.version, Platform: &p}
		}
		if errors.As(err, &failed) && mentions(failed.Lines, "does not contain package "+m.pkg, "cannot find module providing package "+m.pkg) {
			return fmt.Errorf("%w: %w", errElsewhere, err)
		}
		return err
	}
	fields := strings.Fields(out)
	switch {
	case len(fields) != 3 || fields[1] != m.module || fields[2] != m.version:
		return errElsewhere
	case fields[0] != "main":
		return fmt.Errorf("%s@%s is package %q, not a program", m.pkg, m.version, fields[0])
	}
	return d.unchanged(m)
}

func mentions(lines []string, any ...string) bool {
	for _, text := range any {
		if strings.Contains(strings.Join(lines, "\n"), text) {
			return true
		}
	}
	return false
}

// unchanged checks that the go command did not complete the list of required modules by whatever is newest today: it does that
// where the go.mod of a module lacks one.
func (d *download) unchanged(m root) error {
	data, err := os.ReadFile(d.work.path(mainDir, "go.mod"))
	if err != nil {
		return err
	}
	f, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		return err
	}
	for _, r := range f.Require {
		if r.Mod.Path != m.module || r.Mod.Version != m.version {
			return fmt.Errorf("the go.mod of %s@%s is incomplete: the program needs module %s as well", m.module, m.version, r.Mod.Path)
		}
	}
	return nil
}

// directiveError says that a module's go.mod means something else when it is that of the main module.
type directiveError struct{ module, directive string }

func (e *directiveError) Error() string {
	return fmt.Sprintf("module %s: its go.mod has %s directives, which hold in its own directory only: "+
		"it cannot be built from outside, not with go install either", e.module, e.directive)
}

// checkDirectives refuses modules with directives that go install refuses.
func checkDirectives(m listed) error {
	data, err := os.ReadFile(m.GoMod)
	if err != nil {
		return err
	}
	f, err := modfile.Parse("go.mod", data, nil)
	switch {
	case err != nil:
		return fmt.Errorf("module %s@%s: %w", m.Path, m.Version, err)
	case len(f.Replace) > 0:
		return &directiveError{m.Path + "@" + m.Version, "replace"}
	case len(f.Exclude) > 0:
		return &directiveError{m.Path + "@" + m.Version, "exclude"}
	}
	return nil
}

// newer reports whether Go version a is newer than b. Both are without "go".
func newer(a, b string) bool { return version.Compare("go"+a, "go"+b) > 0 }
