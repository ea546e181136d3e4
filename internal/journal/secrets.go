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

// secretWord is a word in the name of a variable, a flag or a parameter of a URL, whose value is nobody's business.
const secretWord = `(?:token|secret|passw(?:or)?d|passphrase|api_?-?key|access_?-?key|private_?-?key|credentials?|signature|_auth(?:token)?)`

// patterns are compiled when they are first needed: most commands write nothing to the log.
type patterns struct {
	userinfo, query, header, issued, setting, flag, name *regexp.Regexp
}

var secrets = sync.OnceValue(func() patterns {
	return patterns{
		// What stands before the host in a URL. The second form is for passwords with a slash in them.
		userinfo: regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^/\s"'|]*@|[^/:\s"'@,|]*:[^\s"'@,|]*@)`),
		query:    regexp.MustCompile(`(?i)([?&;](?:[\w.-]*` + secretWord + `[\w.-]*|key|sig|auth)=)[^&\s"'#]*`),
		header:   regexp.MustCompile(`(?i)(authorization["']?\s*[:=]\s*["']?(?:(?:basic|bearer|token)\s+)?)[^\s"']+`),
		// Tokens that tell by their beginning what they are.
		issued:  regexp.MustCompile(`\b(?:gh[pousr]_|github_pat_|glpat-|npm_|xox[abprs]-|AKIA)[A-Za-z0-9_-]{12,}`),
		setting: regexp.MustCompile(`(?i)^(-{0,2}[\w./:-]*` + secretWord + `[\w.-]*=)`),
		flag:    regexp.MustCompile(`(?i)^-{1,2}[\w.-]*` + secretWord + `[\w.-]*$`),
		name:    regexp.MustCompile(`(?i)` + secretWord),
	}
})

// Redact takes out of a text what looks like a secret: names and passwords in URLs, their parameters that carry tokens,
// authorization headers, tokens of well-known kinds.
func Redact(text string) string {
	text = text[:min(len(text), maxRedacted)]
	if strings.Contains(text, "://") {
		text = secrets().userinfo.ReplaceAllString(text, "${1}"+hidden+"@")
		text = secrets().query.ReplaceAllString(text, "${1}"+hidden)
	}
	text = secrets().header.ReplaceAllString(text, "${1}"+hidden)
	return secrets().issued.ReplaceAllString(text, hidden)
}

// Value is Redact for the value of a variable, of which nothing is left where the variable's name speaks of a secret.
func Value(name, value string) string {
	if value != "" && secrets().name.MatchString(name) {
		return hidden
	}
	return Redact(value)
}

// Arguments is Redact for a command line. The value of a flag, or of NAME=VALUE, whose name speaks of a secret goes as well.
func Arguments(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		switch {
		case i > 0 && secrets().flag.MatchString(args[i-1]) && !strings.HasPrefix(arg, "-"):
			args[i] = hidden
		case secrets().setting.MatchString(arg):
			args[i] = secrets().setting.FindString(arg) + hidden
		default:
			args[i] = Redact(arg)
		}
	}
	return args
}
