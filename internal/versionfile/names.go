package versionfile

import (
	"fmt"
	goversion "go/version"
	"regexp"
	"strings"
	"sync"

	"gostore/internal/definition"
	"gostore/internal/release"
)

// The tools that files of their own are about.
const (
	goTool   = "go"
	nodeTool = "node"
)

// aliases are names that asdf's plugins and mise have for tools, where they are others than ours.
var aliases = map[string]string{
	"golang":     goTool,
	"nodejs":     nodeTool,
	"github-cli": "gh",
	"gohugo":     "hugo",
	"rg":         "ripgrep",
	"tofu":       "opentofu",
}

// Unknown is the remark about a tool that has no definition.
const Unknown = "not known here: there is no definition of it"

// Other remarks about words that ask for nothing.
const (
	whySystem  = "asks for nothing: it is whatever the machine has"
	whyBackend = "not known here: of mise's backends npm: and go: are read"
	whyForm    = "asks for nothing that can be locked: that is not a version"
	whyAlias   = "asks for nothing that can be locked: it is a name that only its version manager knows"
)

// called returns the tool that asdf or mise calls name, as a request without a version. foreign says that nothing built in is called so, remark
// that nothing can be.
func called(name string) (r release.Request, foreign bool, remark string) {
	name = strings.TrimPrefix(name, "core:")
	if tool, ok := aliases[name]; ok {
		name = tool
	}
	source, _, written := strings.Cut(name, ":")
	if written && source != "npm" && source != "go" {
		return r, false, whyBackend
	}
	r, err := release.ParseRequest(name)
	if err != nil || r.Version != release.Latest || strings.HasSuffix(name, "@"+release.Latest) {
		return release.Request{}, false, Unknown
	}
	if !written && name != goTool {
		_, builtin := definition.Builtin().Find(name)
		foreign = !builtin
	}
	return r, foreign, ""
}

// qualified matches versions with a word before them that says how to read them: ref:main, sub-1:lts.
var qualified = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9-]*:`) })

// versionOf returns the request's version for what asdf, mise, nvm and their like write for a version of a tool. remark says why
// text, which they do understand, asks for nothing here; an error, that it is not a version.
func versionOf(tool, text string) (v, remark string, err error) {
	v = text
	for _, word := range []string{"latest:", "prefix:"} {
		v = strings.TrimPrefix(v, word)
	}
	switch {
	case v == "system":
		return "", whySystem, nil
	case v == release.Latest:
		return v, "", nil
	case strings.Contains(v, "{{"), qualified().MatchString(v):
		return "", whyForm, nil
	case tool == nodeTool:
		return nodeVersion(v)
	case tool == goTool:
		v = strings.TrimPrefix(strings.TrimPrefix(v, "v"), "go")
		if !isGoVersion(v) {
			return "", "", fmt.Errorf("%q is not a version of Go", text)
		}
		return v, "", nil
	}
	return v, "", release.CheckVersion(v)
}

// isGoVersion reports whether v is a version of Go. Package version lets anything stand behind a "-".
func isGoVersion(v string) bool { return goversion.IsValid("go"+v) && release.CheckVersion(v) == nil }

// nodeVersion is versionOf for Node.js. The names of its lines of long support are requests: lts/jod is jod.
func nodeVersion(text string) (v, remark string, err error) {
	switch text {
	case "node", "stable", "current":
		return release.Latest, "", nil
	case "lts", "lts/*", "lts-*", "lts-latest":
		return "lts", "", nil
	}
	for _, prefix := range []string{"lts/", "lts-"} {
		if line, ok := strings.CutPrefix(text, prefix); ok {
			if !isWord(line) {
				return "", whyAlias, nil
			}
			return strings.ToLower(line), "", nil
		}
	}
	if strings.HasPrefix(text, "iojs") || isWord(text) {
		return "", whyAlias, nil
	}
	v = strings.TrimPrefix(text, "v")
	for _, any := range []string{".x", ".*"} {
		v = strings.TrimSuffix(strings.TrimSuffix(v, any), any)
	}
	if release.CheckVersion(v) != nil || !startsWithDigit(v) || strings.Trim(v[:1]+v[len(v)-1:], "0123456789abcdefghijklmnopqrstuvwxyz") != "" {
		return "", "", fmt.Errorf("%q is not a version of Node.js", text)
	}
	return v, "", nil
}

// isWord reports whether s consists of letters, perhaps with "-" and "_" between them.
func isWord(s string) bool {
	rest := strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz")
	return s != "" && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz-_") == "" && !strings.HasPrefix(s, "-")
}

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }
