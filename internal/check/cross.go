package check

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"gostore/internal/release"
)

// Setting is the value of a variable and who says so: a file and its line, or the environment of the process where File is "".
type Setting struct {
	Value string
	File  string
	Line  int
}

// Target is what a build is for, and what this machine has for it.
type Target struct {
	Host    release.Platform
	Go      string             // the locked version
	Ports   []Port             // what this Go can build for; nil where nothing but the host was asked for
	Vars    map[string]Setting // GOOS, GOARCH, CGO_ENABLED, CC, as far as they are set
	Command []string           // the C compiler that cgo will run
	Machine string             // what it says it compiles for, "x86_64-linux-gnu"; "" where it did not run
	RunErr  error              // why it did not
	Others  []string           // C compilers for this target that were found: values for CC
	// Default is where a finding is placed when only the environment of the process is at fault.
	Default Setting
}

// Port is a line of "go tool dist list -json".
type Port struct {
	GOOS, GOARCH string
	CgoSupported bool
}

// Platform returns what the target is: the host where nothing else is set.
func (t Target) Platform() release.Platform {
	p := t.Host
	if v := t.Vars["GOOS"].Value; v != "" {
		p.OS = v
	}
	if v := t.Vars["GOARCH"].Value; v != "" {
		p.Arch = v
	}
	return p
}

// NeedsC reports whether a build for the target runs the C compiler for certain: cgo is off by default when the target is not the
// host, and where there is no compiler.
func (t Target) NeedsC() bool { return t.Vars["CGO_ENABLED"].Value == "1" }

// Cross judges whether a target can be built on this machine.
func Cross(t Target) []Finding {
	p := t.Platform()
	if t.Ports != nil {
		i := slices.IndexFunc(t.Ports, func(o Port) bool { return o.GOOS == p.OS && o.GOARCH == p.Arch })
		if i < 0 {
			return []Finding{t.finding([]string{"GOARCH", "GOOS"}, fmt.Sprintf("%s is no platform that go %s builds for", p, t.Go), t.nearPorts(p))}
		}
		if t.NeedsC() && !t.Ports[i].CgoSupported {
			return []Finding{t.finding([]string{"CGO_ENABLED", "GOARCH", "GOOS"}, fmt.Sprintf("go %s has no cgo for %s", t.Go, p), "CGO_ENABLED=0")}
		}
	}
	if !t.NeedsC() || len(t.Command) == 0 {
		return nil
	}
	from := []string{"CC", "CGO_ENABLED", "GOARCH", "GOOS"}
	name := strings.Join(t.Command, " ")
	mend := "install a C compiler for " + p.String() + " and name it in CC, or set CGO_ENABLED=0"
	if p == t.Host {
		mend = "install a C compiler, or set CGO_ENABLED=0"
	}
	if len(t.Others) > 0 {
		mend = "CC='" + t.Others[0] + "'"
	}
	switch {
	case t.RunErr != nil:
		return []Finding{t.finding(from, fmt.Sprintf("cgo for %s runs the C compiler %q: %v", p, name, t.RunErr), mend)}
	case t.Machine != "" && !Compiles(t.Machine, p):
		return []Finding{t.finding(from, fmt.Sprintf("cgo for %s runs the C compiler %q, which compiles for %s", p, name, t.Machine), mend)}
	}
	return nil
}

// finding is placed where the first of the variables is set that a file sets.
func (t Target) finding(vars []string, message, mend string) Finding {
	at := t.Default
	var set []string
	for _, name := range slices.Sorted(slices.Values(vars)) {
		if s, ok := t.Vars[name]; ok && s.Value != "" {
			set = append(set, name+"="+s.Value)
		}
	}
	for _, name := range vars {
		if s := t.Vars[name]; s.Value != "" && s.File != "" {
			at = s
			break
		}
	}
	if len(set) > 0 {
		message = strings.Join(set, " ") + ": " + message
	}
	return Finding{Rule: RuleCross, Severity: Error, File: at.File, Line: max(at.Line, 1), Message: message, Mend: mend}
}

// nearPorts says for what else of the same system or processor this Go builds.
func (t Target) nearPorts(p release.Platform) string {
	var near []string
	for _, o := range t.Ports {
		if o.GOOS == p.OS {
			near = append(near, o.GOARCH)
		}
	}
	if len(near) > 0 {
		return "for " + p.OS + " it has " + strings.Join(near, ", ")
	}
	for _, o := range t.Ports {
		near = append(near, o.GOOS)
	}
	slices.Sort(near)
	return "it has the systems " + strings.Join(slices.Compact(near), ", ")
}

// cpus are the names that compilers have for Go's architectures, as they begin a target triplet.
var cpus = sync.OnceValue(func() map[string][]string {
	return map[string][]string{
		"386": {"i386", "i486", "i586", "i686"}, "amd64": {"x86_64", "amd64"}, "arm": {"arm"}, "arm64": {"aarch64", "arm64"},
		"loong64": {"loongarch64"}, "mips": {"mips"}, "mipsle": {"mipsel"}, "mips64": {"mips64"}, "mips64le": {"mips64el"},
		"ppc64": {"powerpc64", "ppc64"}, "ppc64le": {"powerpc64le", "ppc64le"}, "riscv64": {"riscv64"}, "s390x": {"s390x"}, "wasm": {"wasm32"},
	}
})

// systemNames returns what stands for one of Go's systems in a target triplet.
func systemNames(goos string) []string {
	switch goos {
	case "darwin":
		return []string{"darwin", "macosx", "macos"}
	case "ios":
		return []string{"ios", "darwin"}
	case "windows":
		return []string{"mingw", "windows", "cygwin"}
	case "js":
		return []string{"emscripten"}
	case "wasip1":
		return []string{"wasi"}
	}
	return []string{goos}
}

// Compiles reports whether a compiler of this target triplet compiles for a platform. For an architecture that is not known here it
// says yes: an unknown compiler is not a wrong one. The go command passes -m32 and -arch, with which some compilers serve two architectures.
func Compiles(triplet string, p release.Platform) bool {
	cpu, rest, _ := strings.Cut(strings.ToLower(triplet), "-")
	names, known := cpus()[p.Arch]
	switch {
	case p.Arch == "386":
		names = append(slices.Clone(names), cpus()["amd64"]...)
	case p.OS == "darwin":
		names = append(slices.Clone(cpus()["amd64"]), cpus()["arm64"]...)
	case p.Arch == "arm" && strings.HasPrefix(cpu, "arm") && cpu != "arm64": // armv7l and others
		names = []string{cpu}
	}
	if known && !slices.Contains(names, cpu) {
		return false
	}
	return slices.ContainsFunc(systemNames(p.OS), func(w string) bool { return strings.Contains(rest, w) })
}

// CompilerNames returns the names under which a C compiler for a platform is usually installed, the likeliest first.
func CompilerNames(p release.Platform) []string {
	var names []string
	for _, cpu := range cpus()[p.Arch] {
		switch p.OS {
		case "linux":
			for _, libc := range []string{"gnu", "musl"} {
				if p.Arch == "arm" {
					libc += "eabihf"
				}
				names = append(names, cpu+"-linux-"+libc+"-gcc")
			}
		case "windows":
			names = append(names, cpu+"-w64-mingw32-gcc")
		case "darwin":
			names = append(names, "o"+map[string]string{"x86_64": "64", "arm64": "a64"}[cpu]+"-clang")
		}
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "o-clang" })
}

// ZigTarget returns what "zig cc -target" calls a platform, "" where it has none.
func ZigTarget(p release.Platform) string {
	cpu := map[string]string{"386": "x86", "amd64": "x86_64", "arm": "arm", "arm64": "aarch64", "riscv64": "riscv64", "ppc64le": "powerpc64le", "s390x": "s390x", "loong64": "loongarch64"}[p.Arch]
	system := map[string]string{"linux": "linux-musl", "windows": "windows-gnu", "darwin": "macos"}[p.OS]
	if p.OS == "linux" && p.Arch == "arm" {
		system = "linux-musleabihf"
	}
	if cpu == "" || system == "" {
		return ""
	}
	return cpu + "-" + system
}

// SplitCommand takes a command such as CC holds apart as the go command does: words between spaces, where a word in single or double
// quotes keeps its spaces.
func SplitCommand(s string) ([]string, error) {
	var words []string
	for s = strings.TrimLeft(s, " \t\r\n"); s != ""; s = strings.TrimLeft(s, " \t\r\n") {
		if quote := s[0]; quote == '\'' || quote == '"' {
			word, rest, ok := strings.Cut(s[1:], string(quote))
			if !ok {
				return nil, fmt.Errorf("the quote %c is not closed", quote)
			}
			words, s = append(words, word), rest
			continue
		}
		i := strings.IndexAny(s, " \t\r\n")
		if i < 0 {
			i = len(s)
		}
		words, s = append(words, s[:i]), s[i:]
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("it names no program")
	}
	return words, nil
}
