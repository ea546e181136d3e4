// Package redact takes secrets out of texts: out of what stays on the machine, as the audit log (Secrets, Value, Arguments), and out of what
// a person is going to publish, from which who and where he is goes as well (Person).
//
// What goes from a report: passwords and user names in URLs, their queries and fragments; values of variables, headers and settings whose names speak of
// secrets; tokens that are known by their form; the values of the variables of an environment whose names speak of
// secrets, wherever they stand; the home directory (which becomes ~), the name of the user and the name of the machine, as whole words.
//
// What stays readable: which scheme, host and path a URL has, which variable is set. Where there is doubt the
// text goes. It cannot promise more than that: a password in the middle of a sentence looks like any word. So
// whoever publishes a text reads it first.
package redact

import (
	"cmp"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Mark stands where something was taken out.
const Mark = "[removed]"

// Person is what is known of whose text it is. Empty fields are not known.
type Person struct {
	Home    string   // directory
	Users   []string // names of the account
	Host    string   // name of the machine
	Environ []string // NAME=VALUE
}

// expressions are compiled when the first text needs them: a report is rare, and every command would wait for them.
type expressions struct{ address, setting, flag, sshUser *regexp.Regexp }

var inReports = sync.OnceValue(func() expressions {
	return expressions{
		// A URL up to where a text goes on.
		address: regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>` + "`" + `]+`),
		// A name, a sign between and a value: TOKEN=x, "password": "x", Authorization: Bearer x.
		setting: regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.-]*)("?\s*[=:]\s*)` +
			`((?:(?:Bearer|Basic|Digest|token)\s+)?(?:"[^"\n]*"|'[^'\n]*'|[^\s"',;]+))`),
		// A name and a value that only a space parts: --token x, and password x in a .netrc file.
		flag: regexp.MustCompile(`(--[A-Za-z][A-Za-z0-9-]*|\bpassword|\baccount)([ \t]+)([^\s-]\S*)`),
		// The user in what ssh and git call an address: deploy@git.example:repository.
		sshUser: regexp.MustCompile(`\b[A-Za-z0-9._-]+@([A-Za-z0-9.-]+:)`),
	}
})

// Text returns text without secrets.
func (p Person) Text(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	for _, value := range p.values() {
		text = strings.ReplaceAll(text, value, Mark)
	}
	text = withoutForms(text)
	text = inReports().address.ReplaceAllStringFunc(text, bare)
	text = inReports().setting.ReplaceAllStringFunc(text, withoutValue)
	text = inReports().flag.ReplaceAllStringFunc(text, withoutArgument)
	text = inReports().sshUser.ReplaceAllString(text, Mark+"@$1")
	text = p.withoutHome(text)
	for _, name := range p.Users {
		text = replaceWord(text, name, "USER")
	}
	return p.withoutHost(text)
}

// values returns what the variables with secret names hold, the longest first, as one may be a part of another. Short
// ones would be found in every text.
func (p Person) values() []string {
	var values []string
	for _, kv := range p.Environ {
		name, value, _ := strings.Cut(kv, "=")
		if len(value) >= 8 && isSecret(name) && !strings.HasPrefix(value, "/") {
			values = append(values, value)
		}
	}
	slices.SortFunc(values, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return values
}

// bare returns a URL with its scheme, host and path only. It is cut by hand: what is not a URL to a parser may hold a password just the same.
func bare(rawURL string) string {
	scheme, rest, _ := strings.Cut(rawURL, "://")
	tail := ""
	for strings.HasSuffix(rest, ".") || strings.HasSuffix(rest, ",") || strings.HasSuffix(rest, ")") || strings.HasSuffix(rest, ";") {
		tail, rest = rest[len(rest)-1:]+tail, rest[:len(rest)-1]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 { // a password may hold a slash that somebody forgot to escape
		if scheme == "file" || secondPath(rest[:i]) {
			i = strings.LastIndexByte(authority(rest), '@')
		}
		if i >= 0 {
			rest = Mark + "@" + rest[i+1:]
		}
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i+1] + Mark
	}
	return scheme + "://" + rest + tail
}

// secondPath reports whether what stands before an "@" is a host with a path, as in https://proxy.example/mod/@v/list, and no name and password.
func secondPath(before string) bool {
	host, _, ok := strings.Cut(before, "/")
	return ok && !strings.Contains(host, "@") && isHost(host)
}

// isHost reports whether s is a host, perhaps with a port of digits, as far as can be told: a name and a password are told from that
// by the password.
func isHost(s string) bool {
	name, port, found := strings.Cut(s, ":")
	if strings.HasPrefix(s, "[") || !found {
		return true
	}
	return name != "" && port != "" && strings.Trim(port, "0123456789") == ""
}

func authority(rest string) string {
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[:i]
	}
	return rest
}

// withoutValue takes the value out of a setting whose name speaks of a secret.
func withoutValue(text string) string {
	m := inReports().setting.FindStringSubmatch(text)
	if !isSecret(m[1]) {
		return text
	}
	return m[1] + m[2] + Mark
}

// withoutArgument does so for a flag.
func withoutArgument(text string) string {
	m := inReports().flag.FindStringSubmatch(text)
	name, isFlag := strings.CutPrefix(m[1], "--")
	if isFlag && !isSecret(name) {
		return text
	}
	return m[1] + m[2] + Mark
}

// withoutHome writes the home directory as a shell does.
func (p Person) withoutHome(text string) string {
	home := filepath.Clean(p.Home)
	if p.Home == "" || home == "/" {
		return text
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, home)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if partOfName(first(after)) {
			b.WriteString(home)
		} else {
			b.WriteString("~")
		}
		text = after
	}
}

// withoutHost takes out the name of the machine, whole and up to the first dot. A name that says nothing of anybody stays.
func (p Person) withoutHost(text string) string {
	short, _, _ := strings.Cut(p.Host, ".")
	if _, err := netip.ParseAddr(p.Host); err == nil || short == "localhost" {
		return text
	}
	return replaceWord(replaceWord(text, p.Host, "HOST"), short, "HOST")
}

// ordinary are names of accounts and machines that are words of their own, and say nothing of anybody.
var ordinary = []string{"root", "go", "node", "user", "admin", "runner", "vagrant", "ubuntu", "debian", "linux", "docker", "build", "ci", "gostore"}

// replaceWord replaces a name where it stands as a whole word.
func replaceWord(text, name, by string) string {
	if len(name) < 2 || slices.Contains(ordinary, name) {
		return text
	}
	var b strings.Builder
	last := rune(0)
	for {
		before, after, found := strings.Cut(text, name)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if before != "" {
			last, _ = utf8.DecodeLastRuneInString(before)
		}
		if wordRune(last) || wordRune(first(after)) {
			b.WriteString(name)
		} else {
			b.WriteString(by)
		}
		last, _ = utf8.DecodeLastRuneInString(name)
		text = after
	}
}

func first(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	if s == "" {
		return 0
	}
	return r
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// partOfName reports whether a path goes on with r in the same name: /home/ann is not the beginning of /home/anna.
func partOfName(r rune) bool { return wordRune(r) || r == '-' || r == '.' }
