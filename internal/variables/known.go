package variables

import (
	"strings"
	"sync"
)

// processOnly are the go command's variables that it takes from its process only, or works out: what a go env file
// says of them is ignored.
var processOnly = set(`GOENV GODEBUG GOEXE GOGCCFLAGS GOHOSTARCH GOHOSTOS GOMOD GOTOOLDIR GOVERSION GOTELEMETRY GOTELEMETRYDIR`)

// known are the variables that the go command has a value for when its process has none, in any of its releases.
var known = set(`AR CC CXX FC GCCGO PKG_CONFIG GO_EXTLINK_ENABLED
	CGO_ENABLED CGO_CFLAGS CGO_CPPFLAGS CGO_CXXFLAGS CGO_FFLAGS CGO_LDFLAGS
	CGO_CFLAGS_ALLOW CGO_CPPFLAGS_ALLOW CGO_CXXFLAGS_ALLOW CGO_FFLAGS_ALLOW CGO_LDFLAGS_ALLOW
	CGO_CFLAGS_DISALLOW CGO_CPPFLAGS_DISALLOW CGO_CXXFLAGS_DISALLOW CGO_FFLAGS_DISALLOW CGO_LDFLAGS_DISALLOW
	GO111MODULE GO386 GOAMD64 GOARCH GOARM GOARM64 GOAUTH GOBIN GOCACHE GOCACHEPROG GOENV GOEXPERIMENT GOFIPS140 GOFLAGS
	GOINSECURE GOMIPS GOMIPS64 GOMODCACHE GONOPROXY GONOSUMDB GOOS GOPATH GOPPC64 GOPRIVATE GOPROXY GORISCV64 GOROOT
	GOSUMDB GOTMPDIR GOTOOLCHAIN GOTOOLDIR GOVCS GOWASM GOWORK`)

// Known returns the names of the go command's variables, sorted.
func Known() []string { return names(known()) }

// set makes a set of names when it is first needed: every command would wait for it.
func set(names string) func() map[string]bool {
	return sync.OnceValue(func() map[string]bool {
		m := make(map[string]bool)
		for _, name := range strings.Fields(names) {
			m[name] = true
		}
		return m
	})
}

// buildFlags are flags of GOFLAGS with which builds are no longer what the project and its lock say, and why.
var buildFlags = map[string]string{
	"toolexec": "runs another program around every tool of the build",
	"overlay":  "builds other files than the project's",
	"modfile":  "reads another go.mod",
	"mod":      "decides whether go.mod may be changed and whether vendor/ is used",
	"exec":     "runs tests and programs through another program",
	"compiler": "builds with another compiler",
	"tags":     "builds other files",
}

// Fights says why an entry of a go env file fights with what a project locks, "" when it does not. Such an entry acts on every
// project of its user.
func Fights(name, value string) string {
	switch {
	case value == "":
		return ""
	case name == "GOROOT":
		return "makes any go command use this tree instead of its own"
	case name == "GOTOOLCHAIN" && value != "local":
		return "lets a go command start another one than the locked one"
	case name == "GOTOOLCHAIN", name == "GOTOOLDIR":
		return ""
	case name == "GOFLAGS":
		return fightingFlag(value)
	case name == "GOPROXY" && value == "off":
		return "no module can be downloaded"
	case name == "GOSUMDB" && value == "off":
		return "modules are not compared with the checksum database"
	case name == "GO111MODULE" && value == "off":
		return "go.mod is ignored"
	case name == "GOWORK":
		return "one workspace for every project"
	case name == "GOOS", name == "GOARCH":
		return "every build is for this platform"
	}
	return ""
}

func fightingFlag(value string) string {
	var reasons []string
	for _, field := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" \t\n\r'\"", r) }) {
		name, _, _ := strings.Cut(strings.TrimLeft(field, "-"), "=")
		if why, ok := buildFlags[name]; ok && strings.HasPrefix(field, "-") {
			reasons = append(reasons, "-"+name+" "+why)
		}
	}
	return strings.Join(reasons, ", ")
}
