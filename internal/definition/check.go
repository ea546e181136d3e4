package definition

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/module"

	"gostore/internal/release"
)

// maxLine bounds every string of a definition, in bytes: what is longer is no URL and no description.
const maxLine = 2000

// checkLine lets through printable text in one line.
func checkLine(s string) error {
	if len(s) > maxLine {
		return fmt.Errorf("is longer than %d bytes", maxLine)
	}
	for i, c := range s {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return fmt.Errorf("%.100q: byte %d is not printable", s, i+1)
		}
	}
	return nil
}

// checkWord lets through what can stand in for a variable of a URL without changing its structure.
func checkWord(s string) error {
	if s == "" {
		return errEmpty
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return !isNameByte(r) }); i >= 0 {
		return fmt.Errorf("%q: character %q is not allowed; letters, digits and . _ - + are", s, []rune(s[i:])[0])
	}
	return nil
}

func isNameByte(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-+", r)
}

// checkURL lets through https URLs. Plain http is for this machine itself only, where nobody can stand in between.
func checkURL(s string) error {
	if err := checkLine(s); err != nil {
		return err
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no URL", s)
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		return fmt.Errorf("%q: want an https URL", s)
	case u.Hostname() == "" || strings.Contains(s, " "):
		return fmt.Errorf("%q is no URL with a host", s)
	case u.User != nil:
		return fmt.Errorf("URL of %q has a user name or a password in it; those belong into .netrc", u.Host)
	case u.Fragment != "" || strings.Contains(s, "#"):
		return fmt.Errorf("%q: what follows \"#\" is never sent", s)
	}
	for element := range strings.SplitSeq(u.Path, "/") {
		if element == "." || element == ".." {
			return fmt.Errorf("%q: has %q as an element of its path", s, element)
		}
	}
	return nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// checkLiteralHost lets through templates whose variables stand behind the host: which server is asked is for the definition
// to say, not for a version.
func checkLiteralHost(template string) error {
	before, _, variable := strings.Cut(template, "{")
	_, rest, ok := strings.Cut(before, "://")
	if variable && ok && !strings.ContainsAny(rest, "/?") {
		return fmt.Errorf("template %q: the host of a URL may hold no variables", template)
	}
	return nil
}

// checkModule lets through paths of Go packages that have a host in them.
func checkModule(path string) error {
	if err := module.CheckImportPath(path); err != nil {
		return err
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return fmt.Errorf("%q: the first element of a Go package's path is a host", path)
	}
	return nil
}

// checkPackage lets through names of npm packages.
func checkPackage(name string) error {
	scope, _, scoped := strings.Cut(name, "/")
	if strings.Count(name, "/") > 1 || scoped && !strings.HasPrefix(scope, "@") || release.CheckTool(name) != nil {
		return fmt.Errorf("%q is no name of an npm package: want NAME or @SCOPE/NAME", name)
	}
	return nil
}

// minisignSize is the size in bytes of a minisign public key: two letters for the algorithm, a number of 8 bytes, and the key.
const minisignSize = 2 + 8 + 32

// checkMinisign lets through public keys as minisign writes them (https://jedisct1.github.io/minisign/, "Public key format").
func checkMinisign(key string) error {
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(raw) != minisignSize || string(raw[:2]) != "Ed" {
		return fmt.Errorf("minisign key %q: want the 56 characters of a public key's second line, which begin with RW", key)
	}
	return nil
}

// checkPath lets through paths of files in a tree. Templates expand to nothing that has a "/" in it.
func checkPath(s string) error {
	if err := checkLine(s); err != nil {
		return err
	}
	if s == "." || !fs.ValidPath(s) || strings.Contains(s, `\`) {
		return fmt.Errorf("path %q: want a path inside the tree, with \"/\" between its elements", s)
	}
	return nil
}

// checkDir is checkPath for directories: "." is the tree itself.
func checkDir(s string) error {
	if s == "." {
		return nil
	}
	return checkPath(s)
}

// checkCommand lets through names of commands.
func checkCommand(name string) error {
	if err := checkWord(name); err != nil || strings.HasPrefix(name, "-") || strings.HasPrefix(name, ".") {
		return fmt.Errorf("command %q: want letters, digits and . _ - +, not beginning with \".\" or \"-\"", name)
	}
	return nil
}

// checkVariable lets through environment variables that a tool may have: PATH and what gostore says about itself are not among them.
func checkVariable(name string) error {
	for i, c := range []byte(name) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return fmt.Errorf("%q is no name of a variable: want letters, digits and \"_\"", name)
		}
	}
	if name == "" || name == "PATH" || strings.HasPrefix(name, "GOSTORE_") {
		return fmt.Errorf("variable %q cannot be a tool's; directories of commands are for \"bin\"", name)
	}
	return nil
}

func checkFormat(s string) error {
	if s != FormatNode && s != FormatZig {
		return fmt.Errorf("unknown format %q; known are %s, %s", s, FormatNode, FormatZig)
	}
	return nil
}

// checkJSONPath lets through paths as Versions.Path describes them.
func checkJSONPath(s string) error {
	if err := checkLine(s); err != nil {
		return err
	}
	elements := strings.Split(s, ".")
	for i, e := range elements {
		switch {
		case e == "":
			return fmt.Errorf("%q: has an empty element", s)
		case strings.HasPrefix(e, "@") && e != "@key":
			return fmt.Errorf("%q: unknown element %q; known are @key, * and names", s, e)
		case e == "@key" && i != len(elements)-1:
			return errors.New("@key can only be the last element")
		}
	}
	return nil
}
