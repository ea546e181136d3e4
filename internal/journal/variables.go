package journal

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"gostore/internal/digest"
)

const (
	// relist is how many records may pass until all variables are listed again. What an append reads back is that many.
	relist = 16

	maxNames     = 32  // objects, generations and projects that are listed by name
	maxVariables = 128 // variables that are noted
	maxValue     = 2048
	maxError     = 2048
	maxText      = 1024 // of any other text
	maxArguments = 64
)

// named are the variables that matter beside those with the prefixes below. GO alone is no prefix: others have names that begin so.
var named = sync.OnceValue(func() []string {
	return strings.Fields(`
	PATH HOME SHELL TMPDIR XDG_DATA_HOME XDG_CONFIG_HOME XDG_CACHE_HOME
	GCCGO GO111MODULE GO386 GOAMD64 GOARCH GOARM GOARM64 GOAUTH GOBIN GOCACHE GOCACHEPROG GOCOVERDIR GODEBUG GOENV GOEXE
	GOEXPERIMENT GOFIPS140 GOFLAGS GOGC GOHOSTARCH GOHOSTOS GOINSECURE GOMAXPROCS GOMEMLIMIT GOMIPS GOMIPS64 GOMODCACHE
	GONOPROXY GONOSUMCHECK GONOSUMDB GOOS GOPATH GOPPC64 GOPRIVATE GOPROXY GORACE GORISCV64 GOROOT GOROOT_FINAL GOSUMDB GOTELEMETRY
	GOTMPDIR GOTOOLCHAIN GOTOOLDIR GOTRACEBACK GOVCS GOWASM GOWORK
	CC CXX CPP FC AR LD AS NM RANLIB CFLAGS CPPFLAGS CXXFLAGS FFLAGS LDFLAGS PKG_CONFIG PKG_CONFIG_PATH PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
	LD_LIBRARY_PATH LD_PRELOAD LIBRARY_PATH CPATH C_INCLUDE_PATH MACOSX_DEPLOYMENT_TARGET SDKROOT
	HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy all_proxy
	SSL_CERT_FILE SSL_CERT_DIR NETRC SOURCE_DATE_EPOCH`)
})

var prefixes = []string{"GOSTORE_", "CGO_", "NODE_", "NPM_CONFIG_", "npm_config_"}

// Matters reports whether a variable is one that toolchains or gostore look at, and so may stand in the log.
func Matters(name string) bool {
	return slices.Contains(named(), name) ||
		slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// variables returns those of environ that matter, without secrets. Of a name that is there twice the last one counts.
func variables(environ []string) map[string]string {
	found := map[string]string{}
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok && Matters(name) {
			found[name] = shorten(Value(name, value), maxValue)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found))[min(len(found), maxVariables):] {
		delete(found, name)
	}
	return found
}

// note enters the variables: what differs from the record before, or all of them.
func (r *Record) note(t tail, now map[string]string) {
	if t.state == nil || t.since >= relist {
		r.Environment = now
		if now == nil {
			r.Environment = map[string]string{}
		}
		return
	}
	for _, d := range differences(t.state, now) {
		if !d.HasIt {
			r.Unset = append(r.Unset, d.Name)
			continue
		}
		if r.Set == nil {
			r.Set = map[string]string{}
		}
		r.Set[d.Name] = d.Is
	}
}

// after returns the variables at a record, where state are those at the record before.
func (r Record) after(state map[string]string) map[string]string {
	if r.Environment != nil {
		return r.Environment
	}
	now := maps.Clone(state)
	if now == nil {
		now = map[string]string{}
	}
	maps.Copy(now, r.Set)
	for _, name := range r.Unset {
		delete(now, name)
	}
	return now
}

// replay returns the variables at the first of records, which stand with the newest first and end with a listing.
func replay(records []Record) map[string]string {
	var state map[string]string
	for _, r := range slices.Backward(records) {
		state = r.after(state)
	}
	return state
}

// differences returns how variables differ, by name.
func differences(was, is map[string]string) []Difference {
	all := maps.Clone(is)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, was)
	var found []Difference
	for _, name := range slices.Sorted(maps.Keys(all)) {
		d := Difference{Name: name}
		d.Was, d.HadIt = was[name]
		d.Is, d.HasIt = is[name]
		if d.Was != d.Is || d.HadIt != d.HasIt {
			found = append(found, d)
		}
	}
	return found
}

// shorten cuts a text that is too long for the log. The digest of the whole shows whether two such texts differ.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	cut := strings.ToValidUTF8(s[:most], "")
	return fmt.Sprintf("%s… (%d bytes, b3 %.16s)", cut, len(s), digest.Sum([]byte(s)).Hex())
}

// bound cuts what is too long, so that no record can fill the log.
func (r *Record) bound() {
	r.Error = shorten(Redact(r.Error), maxError)
	for _, text := range []*string{&r.Action, &r.User, &r.SudoUser, &r.SudoUID, &r.LoginUID, &r.Terminal, &r.Host, &r.Version, &r.Dir, &r.Project, &r.Profile, &r.Detail} {
		*text = shorten(*text, maxText)
	}
	r.Detail = Redact(r.Detail)
	r.Command = Arguments(few(r.Command, maxArguments))
	for i, arg := range r.Command {
		r.Command[i] = shorten(arg, maxText)
	}
	r.Generations, r.Projects = few(r.Generations, maxNames), few(r.Projects, maxNames)
	if len(r.Changes) > maxNames {
		r.Changes = append(slices.Clone(r.Changes[:maxNames]), Change{Tool: more(len(r.Changes) - maxNames)})
	}
}

// few returns a list with at most that many elements, and one more that says how many there were.
func few(list []string, most int) []string {
	if len(list) <= most {
		return list
	}
	return append(slices.Clone(list[:most]), more(len(list)-most))
}

func more(n int) string { return fmt.Sprintf("… and %d more", n) }
