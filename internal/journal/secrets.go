package journal

import (
	"regexp"
	"slices"
	"strings"
)

// hidden stands in the place of a secret.
const hidden = "***"

// secretWord is a word in the name of a variable, a flag or a parameter of a URL, whose value is nobody's business.
const secretWord = `(?:token|secret|passw(?:or)?d|passphrase|api_?-?key|access_?-?key|private_?-?key|credentials?|signature|_auth(?:token)?)`

var (
	// userinfo is what stands before the host in a URL. The second form is for passwords with a slash in them.
	userinfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^/\s"'|]*@|[^/:\s"'@,|]*:[^\s"'@,|]*@)`)
	query    = regexp.MustCompile(`(?i)([?&;](?:[\w.-]*` + secretWord + `[\w.-]*|key|sig|auth)=)[^&\s"'#]*`)
	header   = regexp.MustCompile(`(?i)(authorization["']?\s*[:=]\s*["']?(?:(?:basic|bearer|token)\s+)?)[^\s"']+`)
	// issued are tokens that tell by their beginning what they are.
	issued = regexp.MustCompile(`\b(?:gh[pousr]_|github_pat_|glpat-|npm_|xox[abprs]-|AKIA)[A-Za-z0-9_-]{12,}`)

	setting    = regexp.MustCompile(`(?i)^(-{0,2}[\w./:-]*` + secretWord + `[\w.-]*=)`)
	secretFlag = regexp.MustCompile(`(?i)^-{1,2}[\w.-]*` + secretWord + `[\w.-]*$`)
	secretName = regexp.MustCompile(`(?i)` + secretWord)
)

// Redact takes out of a text what looks like a secret: names and passwords in URLs, their parameters that carry tokens,
// authorization headers, tokens of well-known kinds.
func Redact(text string) string {
	if strings.Contains(text, "://") {
		text = userinfo.ReplaceAllString(text, "${1}"+hidden+"@")
		text = query.ReplaceAllString(text, "${1}"+hidden)
	}
	text = header.ReplaceAllString(text, "${1}"+hidden)
	return issued.ReplaceAllString(text, hidden)
}

// Value is Redact for the value of a variable, of which nothing is left where the variable's name speaks of a secret.
func Value(name, value string) string {
	if value != "" && secretName.MatchString(name) {
		return hidden
	}
	return Redact(value)
}

// Arguments is Redact for a command line. The value of a flag, or of NAME=VALUE, whose name speaks of a secret goes as well.
func Arguments(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		switch {
		case i > 0 && secretFlag.MatchString(args[i-1]) && !strings.HasPrefix(arg, "-"):
			args[i] = hidden
		case setting.MatchString(arg):
			args[i] = setting.FindString(arg) + hidden
		default:
			args[i] = Redact(arg)
		}
	}
	return args
}
