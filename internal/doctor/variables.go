package doctor

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"gostore/internal/goenv"
)

var variablesProbe = Probe{
	Name: "variables", About: "variables of the go command: where they are set, and what that does",
	Kinds: []Kind{
		{"goroot-stale", "GOROOT leads to another Go than the one that is started, or to none"},
		{"goroot-needless", "GOROOT is set to what it would be anyway, until the next Go"},
		{"gotoolchain-fixed", "GOTOOLCHAIN names a version, which is then started instead of the one on PATH"},
		{"goflags-wrong", "GOFLAGS holds something that the go command refuses"},
		{"goflags-set", "GOFLAGS changes what every go command does"},
		{"go111module-set", "GO111MODULE keeps go.mod files from being used"},
		{"checksums-off", "the go command is told not to ask the checksum database"},
		{"goenv-broken", "the file of go env -w has a line that the go command does not understand"},
		{"goenv-unused", "GOENV is off, and there are settings in the file that is not read"},
		{"directory-wrong", "GOPATH, GOBIN, GOCACHE or GOMODCACHE is a value that the go command refuses"},
		{"platform-set", "GOOS or GOARCH is set for every go command"},
	},
	run: func(_ context.Context, h *Host) []Finding {
		return slices.Concat(h.goroot(), h.gotoolchain(), h.goflags(), h.go111module(), h.checksums(), h.goenv(), h.goDirectories(), h.platform())
	},
}

// goroot compares GOROOT with the Go that is started: the first on PATH, which is the profile's or the project's when all is well.
func (h *Host) goroot() []Finding {
	settings := h.settings("GOROOT")
	value := effective(settings)
	if value == "" && len(settings) > 0 {
		value = settings[0].value
	}
	if value == "" || strings.ContainsAny(value, "$`") {
		return nil
	}
	f := Finding{ID: "goroot-stale", Severity: Problem, Subject: "GOROOT", Evidence: evidence(settings), Mend: mends(settings)}
	if effective(settings) == "" {
		f.Severity = Warning // only for shells to come
	}
	if !exists(filepath.Join(value, "pkg")) && !exists(filepath.Join(value, "bin", "go")) {
		f.Title = "GOROOT leads to " + h.short(value) + ", where no Go is: go commands say \"cannot find GOROOT directory\""
		return []Finding{f}
	}
	dir, from := h.goDir()
	if dir == "" {
		return nil
	}
	theirs, ours := versionOf(filepath.Join(value, "bin", "go")), versionOf(filepath.Join(dir, "bin", "go"))
	f.Evidence = append(f.Evidence, fmt.Sprintf("%s is %s", h.short(value), orUnknown(theirs)), fmt.Sprintf("%s is %s, %s", h.short(dir), orUnknown(ours), from))
	switch {
	case realPath(value) != realPath(dir) && theirs != ours:
		f.Title = fmt.Sprintf("GOROOT leads to Go %s, and the go that is started is %s: \"compile: version does not match go tool version\"", orUnknown(theirs), orUnknown(ours))
	default:
		f.ID, f.Severity = "goroot-needless", Note
		f.Title = "GOROOT is set to what the go command finds by itself; with the next Go it will be wrong"
	}
	return []Finding{f}
}

// goDir returns the tree of the Go that is started, and why that one.
func (h *Host) goDir() (dir, from string) {
	hits := h.onPath("go")
	for _, c := range h.Wanted {
		if c.Name == "go" && c.Path != "" && (len(hits) == 0 || hits[0].dir == h.shimsDir()) {
			return filepath.Dir(filepath.Dir(c.Path)), "of which " + h.short(c.From) + " speaks"
		}
	}
	if len(hits) == 0 {
		return "", ""
	}
	return filepath.Dir(filepath.Dir(hits[0].real)), "the first on PATH"
}

func orUnknown(version string) string {
	if version == "" {
		return "of an unknown version"
	}
	return version
}

func (h *Host) gotoolchain() []Finding {
	settings := h.settings("GOTOOLCHAIN")
	value := effective(settings)
	name, _, _ := strings.Cut(value, "+")
	if value == "" || name == "local" || name == "auto" || name == "path" {
		return nil
	}
	for _, c := range h.Wanted {
		if c.Tool == "go" && name == "go"+c.Version {
			return nil
		}
	}
	return []Finding{{
		ID: "gotoolchain-fixed", Severity: Warning, Subject: "GOTOOLCHAIN", Evidence: evidence(settings), Mend: mends(settings),
		Title: fmt.Sprintf("every go command starts %s, whatever is on PATH and whatever go.mod says; only in gostore's environments it does not count", name),
	}}
}

// risky are flags that change what is built, and why nobody thinks of them.
var risky = map[string]string{
	"-mod":      "go.mod or vendor/ is used in another way than the project means",
	"-modfile":  "another file counts as go.mod",
	"-overlay":  "files are replaced by others",
	"-insecure": "modules are downloaded without checks",
	"-toolexec": "every compiler run goes through another program",
}

func (h *Host) goflags() []Finding {
	settings := h.settings("GOFLAGS")
	value := effective(settings)
	if value == "" {
		return nil
	}
	f := Finding{ID: "goflags-set", Severity: Note, Subject: "GOFLAGS", Evidence: evidence(settings), Mend: mends(settings),
		Title: "GOFLAGS adds to every go command: " + value}
	for _, word := range strings.Fields(value) {
		flag, _, _ := strings.Cut(strings.Replace(word, "--", "-", 1), "=")
		if !strings.HasPrefix(word, "-") || word == "-" || word == "--" {
			f.ID, f.Severity = "goflags-wrong", Problem
			f.Title = fmt.Sprintf("the go command refuses GOFLAGS: %q is no flag; every flag has to be one word, as in -tags=a,b", word)
			return []Finding{f}
		}
		if why := risky[flag]; why != "" && word != "-mod=readonly" { // which is what it does anyway
			f.Severity = Warning
			f.Evidence = append(f.Evidence, word+": "+why)
		}
	}
	return []Finding{f}
}

func (h *Host) go111module() []Finding {
	settings := h.settings("GO111MODULE")
	value := effective(settings)
	if value != "off" && value != "auto" {
		return nil
	}
	f := Finding{ID: "go111module-set", Severity: Warning, Subject: "GO111MODULE", Evidence: evidence(settings), Mend: mends(settings),
		Title: "GO111MODULE=off: go.mod is not read, packages are looked for in GOPATH only"}
	if value == "auto" {
		f.Severity, f.Title = Note, "GO111MODULE=auto: without a go.mod, packages are looked for in GOPATH"
	}
	return []Finding{f}
}

// checksums looks for what turns the checksum database off. gostore asks it for toolchains in any case; for modules the go command decides.
func (h *Host) checksums() []Finding {
	var found []Finding
	for name, turnsOff := range map[string]func(value string) bool{
		"GOSUMDB":      func(v string) bool { return v == "off" },
		"GONOSUMDB":    coversAll,
		"GONOSUMCHECK": func(v string) bool { return v != "" },
		"GOINSECURE":   coversAll,
		"GOPRIVATE":    coversAll,
	} {
		settings := h.settings(name)
		value := effective(settings)
		if value == "" || !turnsOff(value) {
			continue
		}
		found = append(found, Finding{
			ID: "checksums-off", Severity: Warning, Subject: name, Evidence: evidence(settings), Mend: mends(settings),
			Title: fmt.Sprintf("%s=%s: nobody vouches for the modules that the go command downloads; gostore asks the checksum database for toolchains all the same", name, value),
		})
	}
	slices.SortFunc(found, func(a, b Finding) int { return strings.Compare(a.Subject, b.Subject) })
	return found
}

// coversAll reports whether a list of patterns fits every module.
func coversAll(patterns string) bool {
	return slices.ContainsFunc(strings.Split(patterns, ","), func(p string) bool { return p == "*" || p == "*.*" || p == "**" })
}

func (h *Host) goenv() []Finding {
	var found []Finding
	if file := goenv.Default(runtime.GOOS, h.getenv); h.getenv("GOENV") == "off" {
		if lines := h.readGoEnv(file).Lines; len(lines) > 0 {
			f := Finding{ID: "goenv-unused", Severity: Note, Subject: "GOENV", Mend: []string{"unset GOENV"},
				Title: fmt.Sprintf("GOENV is off, so the %d settings in %s do not count", len(lines), h.short(file))}
			for _, l := range lines {
				f.Evidence = append(f.Evidence, place(h.short(file), l.Number, l.String()))
			}
			f.Evidence = few(f.Evidence)
			found = append(found, f)
		}
	}
	file := h.goEnvFile()
	for _, odd := range h.readGoEnv(file).Odd {
		found = append(found, Finding{
			ID: "goenv-broken", Severity: Warning, Subject: file, Evidence: []string{place(h.short(file), odd.Number, odd.Text)},
			Title: "a line of the file of go env -w is no setting: it is passed over without a word", Mend: []string{edit(file, odd.Number)},
		})
	}
	return found
}

// goDirectories looks at the variables that name directories, with the go command's own rules.
func (h *Host) goDirectories() []Finding {
	var found []Finding
	wrong := func(name, why string, settings []setting) {
		found = append(found, Finding{ID: "directory-wrong", Severity: Problem, Subject: name, Title: why, Evidence: evidence(settings), Mend: mends(settings)})
	}
	for _, name := range []string{"GOPATH", "GOBIN", "GOCACHE", "GOMODCACHE", "GOTMPDIR"} {
		settings := h.settings(name)
		for _, dir := range filepath.SplitList(effective(settings)) {
			switch {
			case name == "GOCACHE" && dir == "off":
				wrong(name, "GOCACHE is off, and every Go since 1.12 refuses to build without its cache", settings)
			case strings.HasPrefix(dir, "~"):
				wrong(name, fmt.Sprintf("%s begins with a ~ that no shell replaced: %q", name, dir), settings)
			case !filepath.IsAbs(dir):
				wrong(name, fmt.Sprintf("%s is %q, and the go command wants an absolute path", name, dir), settings)
			case name == "GOTMPDIR" && !exists(dir):
				wrong(name, fmt.Sprintf("GOTMPDIR is %s, which is not there: go build makes no directory for its files", h.short(dir)), settings)
			}
		}
	}
	gopath, goroot := h.settings("GOPATH"), h.settings("GOROOT")
	if p := effective(gopath); p != "" && p == effective(goroot) {
		wrong("GOPATH", "GOPATH and GOROOT are the same directory: packages of one are taken for those of the other", append(gopath, goroot...))
	}
	if h.home() == "" && h.getenv("XDG_CACHE_HOME") == "" && effective(h.settings("GOCACHE")) == "" && h.wants("go") {
		found = append(found, Finding{ID: "directory-wrong", Severity: Problem, Subject: "GOCACHE", Mend: []string{"export HOME=" + homeOf(h.UID)},
			Title: "neither HOME nor GOCACHE is set, and the go command builds nothing without one of them", Evidence: []string{"HOME is not set"}})
	}
	return found
}

func homeOf(uid int) string {
	if uid == 0 {
		return "/root"
	}
	return `"$(getent passwd "$(id -u)" | cut -d: -f6)"`
}

// wants reports whether a tool is among those of the project or the profile.
func (h *Host) wants(tool string) bool {
	return slices.ContainsFunc(h.Wanted, func(c Command) bool { return c.Tool == tool })
}

func (h *Host) platform() []Finding {
	var found []Finding
	for name, own := range map[string]string{"GOOS": runtime.GOOS, "GOARCH": h.Loader.Arch} {
		settings := h.settings(name)
		value := effective(settings)
		if value == "" || own == "" || value == own {
			continue
		}
		found = append(found, Finding{
			ID: "platform-set", Severity: Warning, Subject: name, Evidence: evidence(settings), Mend: mends(settings),
			Title: fmt.Sprintf("%s is %s for every go command: what go run and go test build does not start here, where it is %s", name, value, own),
		})
	}
	slices.SortFunc(found, func(a, b Finding) int { return strings.Compare(a.Subject, b.Subject) })
	return found
}
