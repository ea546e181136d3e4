package journal

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// maxRedacted is how much of a text Redact looks at and returns. It is far more than a record keeps of any text, so what a cut leaves
// of a secret is cut off as well.
const maxRedacted = 64 << 10

// hidden stands in the place of a secret.
const hidden = "***"

// secretWords are words in the names of variables, flags and parameters of URLs whose values are nobody's business. They are looked for
// in a name without its "-" and "_".
var secretWords = []string{"token", "secret", "password", "passwd", "passphrase", "apikey", "accesskey", "privatekey", "credential", "signature"}

// isSecret reports whether a name speaks of a secret.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	if strings.HasSuffix(name, "_auth") || strings.HasSuffix(name, "_authtoken") {
		return true
	}
	name = strings.NewReplacer("-", "", "_", "").Replace(name)
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) })
}

// patterns are compiled when a text has what they look for: together that costs half as much as an append.
type patterns struct{ userinfo, query, header, issued *regexp.Regexp }

var secrets = sync.OnceValue(func() patterns {
	return patterns{
		// What stands before the host in a URL. The second form is for passwords with a slash in them.
		userinfo: regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^/\s"'|]*@|[^/:\s"'@,|]*:[^\s"'@,|]*@)`),
		query:    regexp.MustCompile(`([?&;])([\w.-]+)=([^&\s"'#]*)`),
		header:   regexp.MustCompile(`(?i)(authorization["']?\s*[:=]\s*["']?(?:(?:basic|bearer|token)\s+)?)[^\s"']+`),
		issued:   regexp.MustCompile(`\b(?:` + strings.Join(issuers, "|") + `)[A-Za-z0-9_-]{12,}`),
	}
})

// issuers are the beginnings of tokens that tell by them what they are.
var issuers = []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "npm_", "xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-", "AKIA"}

// Redact takes out of a text what looks like a secret: names and passwords in URLs, their parameters that carry tokens,
// authorization headers, tokens of well-known kinds.
func Redact(text string) string {
	text = text[:min(len(text), maxRedacted)]
	if strings.Contains(text, "://") {
		if strings.Contains(text, "@") {
			text = secrets().userinfo.ReplaceAllString(text, "${1}"+hidden+"@")
		}
		if strings.Contains(text, "=") {
			text = secrets().query.ReplaceAllStringFunc(text, hideParameter)
		}
	}
	if strings.Contains(text, "uthorization") || strings.Contains(text, "UTHORIZATION") {
		text = secrets().header.ReplaceAllString(text, "${1}"+hidden)
	}
	if slices.ContainsFunc(issuers, func(beginning string) bool { return strings.Contains(text, beginning) }) {
		text = secrets().issued.ReplaceAllString(text, hidden)
	}
	return text
}

// hideParameter hides the value of a URL's parameter whose name is that of a secret.
func hideParameter(parameter string) string {
	name, _, _ := strings.Cut(parameter[1:], "=")
	if isSecret(name) || slices.Contains([]string{"key", "sig", "auth"}, strings.ToLower(name)) {
		return parameter[:1] + name + "=" + hidden
	}
	return parameter
}

// Value is Redact for the value of a variable, of which nothing is left where the variable's name speaks of a secret.
func Value(name, value string) string {
	if value != "" && isSecret(name) {
		return hidden
	}
	return Redact(value)
}

// Arguments is Redact for a command line. The value of a flag, or of NAME=VALUE, whose name speaks of a secret goes as well.
func Arguments(args []string) []string {
	hide := make([]string, len(args))
	for i, arg := range args {
		name, _, hasValue := strings.Cut(arg, "=")
		word := !strings.ContainsAny(name, " \t\n?&@") && !strings.Contains(name, "://")
		switch {
		case i > 0 && secretFlag(args[i-1]) && !strings.HasPrefix(arg, "-"):
			hide[i] = hidden
		case hasValue && word && isSecret(name):
			hide[i] = name + "=" + hidden
		default:
			hide[i] = Redact(arg)
		}
	}
	return hide
}

// secretFlag reports whether an argument is a flag whose value is the next one and a secret.
func secretFlag(arg string) bool {
	return strings.HasPrefix(arg, "-") && !strings.Contains(arg, "=") && isSecret(arg)
}
