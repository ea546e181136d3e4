package redact

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// most is how much of a text Secrets looks at and returns. It is far more than anything keeps of a text, so what a cut leaves
// of a secret is cut off as well.
const most = 64 << 10

// secretWords are words in the names of variables, flags, headers and parameters of URLs whose values are nobody's business. They are
// looked for in a name without its "-" and "_".
var secretWords = []string{"token", "secret", "passw", "passphrase", "apikey", "accesskey", "privatekey", "sessionkey", "credential", "signature",
	"authorization", "bearer", "cookie"}

// secretEnds are the ends of such names.
var secretEnds = []string{"_auth", "_authtoken", "_pat", "pwd", "_key", "-key"}

// isSecret reports whether a name speaks of a secret.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	if name == "key" || slices.ContainsFunc(secretEnds, func(end string) bool { return strings.HasSuffix(name, end) }) {
		return true
	}
	name = strings.NewReplacer("-", "", "_", "").Replace(name)
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) })
}

// patterns are compiled when a text has what they look for: together that costs half as much as an append.
type patterns struct{ userinfo, query, header *regexp.Regexp }

var inRecords = sync.OnceValue(func() patterns {
	return patterns{
		// What stands before the host in a URL. The second form is for passwords with a slash in them.
		userinfo: regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^/\s"'|]*@|[^/:\s"'@,|]*:[^\s"'@,|]*@)`),
		query:    regexp.MustCompile(`([?&;])([\w.-]+)=([^&\s"'#]*)`),
		header:   regexp.MustCompile(`(?i)(authorization["']?\s*[:=]\s*["']?(?:(?:basic|bearer|token)\s+)?)[^\s"']+`),
	}
})

// issuers are the beginnings of tokens that tell by their form what they are.
var issuers = []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "npm_", "xox", "AKIA", "ASIA", "AIza", "sk-", "eyJ"}

var forms = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b(gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{16,}|` +
		`xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[A-Z0-9]{12,}|ASIA[A-Z0-9]{12,}|AIza[A-Za-z0-9_-]{30,}|sk-[A-Za-z0-9_-]{16,}|` +
		`eyJ[A-Za-z0-9_-]{8,}\.ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)`)
})

// withoutForms takes out tokens of well-known kinds.
func withoutForms(text string) string {
	if !slices.ContainsFunc(issuers, func(beginning string) bool { return strings.Contains(text, beginning) }) {
		return text
	}
	return forms().ReplaceAllString(text, Mark)
}

// Secrets takes out of a text what looks like a secret: names and passwords in URLs, their parameters that carry tokens,
// authorization headers, tokens of well-known kinds.
func Secrets(text string) string {
	text = text[:min(len(text), most)]
	if strings.Contains(text, "://") {
		if strings.Contains(text, "@") {
			text = inRecords().userinfo.ReplaceAllString(text, "${1}"+Mark+"@")
		}
		if strings.Contains(text, "=") {
			text = inRecords().query.ReplaceAllStringFunc(text, hideParameter)
		}
	}
	if strings.Contains(text, "uthorization") || strings.Contains(text, "UTHORIZATION") {
		text = inRecords().header.ReplaceAllString(text, "${1}"+Mark)
	}
	return withoutForms(text)
}

// hideParameter hides the value of a URL's parameter whose name is that of a secret.
func hideParameter(parameter string) string {
	name, _, _ := strings.Cut(parameter[1:], "=")
	if isSecret(name) || slices.Contains([]string{"key", "sig", "auth"}, strings.ToLower(name)) {
		return parameter[:1] + name + "=" + Mark
	}
	return parameter
}

// Value is Secrets for the value of a variable, of which nothing is left where the variable's name speaks of a secret.
func Value(name, value string) string {
	if value != "" && isSecret(name) {
		return Mark
	}
	return Secrets(value)
}

// Arguments is Secrets for a command line. The value of a flag, or of NAME=VALUE, whose name speaks of a secret goes as well.
func Arguments(args []string) []string {
	hide := make([]string, len(args))
	for i, arg := range args {
		name, _, hasValue := strings.Cut(arg, "=")
		word := !strings.ContainsAny(name, " \t\n?&@") && !strings.Contains(name, "://")
		switch {
		case i > 0 && secretFlag(args[i-1]) && !strings.HasPrefix(arg, "-"):
			hide[i] = Mark
		case hasValue && word && isSecret(name):
			hide[i] = name + "=" + Mark
		default:
			hide[i] = Secrets(arg)
		}
	}
	return hide
}

// secretFlag reports whether an argument is a flag whose value is the next one and a secret.
func secretFlag(arg string) bool {
	return strings.HasPrefix(arg, "-") && !strings.Contains(arg, "=") && isSecret(arg)
}
