package definition

import (
	"fmt"
	"slices"
	"strings"

	"gostore/internal/release"
)

// What the templates of each key may hold.
var (
	versionVars = []string{"version", "major", "minor"}
	envVars     = append([]string{"dir"}, versionVars...)
	npmVars     = []string{"os", "arch"}
	urlVars     = []string{"version", "os", "arch", "ext", "major", "minor"}
	besideVars  = append([]string{"url", "file"}, urlVars...) // of what lies beside an archive
	tagVars     = []string{"version"}
)

// piece is a part of a template: text as it stands, or the name of a variable.
type piece struct {
	text     string
	variable bool
	at       int // byte offset in the template
}

// templateError says what is wrong with a template, and where.
type templateError struct {
	template string
	at       int // byte offset
	msg      string
}

func (e *templateError) Error() string { return fmt.Sprintf("template %q: %s", e.template, e.msg) }

// split takes a template apart. Variables are names in braces; braces have no other use.
func split(template string) ([]piece, error) {
	var pieces []piece
	for at := 0; at < len(template); {
		i := strings.IndexAny(template[at:], "{}")
		if i < 0 {
			return append(pieces, piece{template[at:], false, at}), nil
		}
		if i > 0 {
			pieces = append(pieces, piece{template[at : at+i], false, at})
		}
		at += i
		if template[at] == '}' {
			return nil, &templateError{template, at, "a \"}\" without a \"{\" before it"}
		}
		name, _, closed := strings.Cut(template[at+1:], "}")
		if !closed || strings.Contains(name, "{") {
			return nil, &templateError{template, at, "a \"{\" without its \"}\""}
		}
		pieces = append(pieces, piece{name, true, at})
		at += len(name) + 2
	}
	return pieces, nil
}

// checkTemplate reports the first place where a template is not well formed or has a variable that is not known.
func checkTemplate(template string, known []string) error {
	pieces, err := split(template)
	if err != nil {
		return err
	}
	for _, p := range pieces {
		if p.variable && !slices.Contains(known, p.text) {
			msg := fmt.Sprintf("unknown variable {%s}; known here: {%s}", p.text, strings.Join(known, "}, {"))
			return &templateError{template, p.at, msg}
		}
	}
	return nil
}

// fill replaces the variables of a template.
func fill(template string, vars map[string]string) (string, error) {
	pieces, err := split(template)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range pieces {
		value := p.text
		if p.variable {
			var ok bool
			if value, ok = vars[p.text]; !ok {
				return "", &templateError{template, p.at, fmt.Sprintf("{%s} has no value here", p.text)}
			}
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// vars returns the variables of a release on a platform. {minor} is missing where the version has only one number.
func (d Definition) vars(version string, p release.Platform) map[string]string {
	vars := map[string]string{"version": version}
	vars["os"], vars["arch"] = d.Upstream(p)
	if ext, ok := d.ext(p); ok {
		vars["ext"] = ext
	}
	numbers := strings.FieldsFunc(strings.TrimPrefix(version, "v"), func(r rune) bool { return r < '0' || r > '9' })
	for i, name := range []string{"major", "minor"} {
		if i < len(numbers) {
			vars[name] = numbers[i]
		}
	}
	return vars
}

// Expand returns a template with its variables replaced: {version}, {os}, {arch}, {ext}, {major}, {minor}. The error is for
// variables that are unknown or have no value, and for braces that are not closed; Parse lets through no such
// template, but a version can lack a minor number.
func (d Definition) Expand(template, version string, p release.Platform) (string, error) {
	return fill(template, d.vars(version, p))
}

// expandURL is Expand for templates of URLs: "+" is escaped, because some servers take it for a space.
func (d Definition) expandURL(template, version string, p release.Platform, archive string) (string, error) {
	vars := d.vars(version, p)
	for name, value := range vars {
		vars[name] = strings.ReplaceAll(value, "+", "%2B")
	}
	if archive != "" {
		path, _, _ := strings.Cut(archive, "?")
		vars["url"], vars["file"] = archive, path[strings.LastIndexByte(path, '/')+1:]
	}
	s, err := fill(template, vars)
	if err != nil {
		return "", fmt.Errorf("tool %q %s for %s: %w", d.Name, version, p, err)
	}
	return s, nil
}

// Archive returns the URL of a release's archive. It is for definitions with a URL.
func (d Definition) Archive(version string, p release.Platform) (string, error) {
	return d.expandURL(d.URL, version, p, "")
}

// ChecksumsURL returns the URL of the file that states the checksum of a release's archive; often it is the same for all
// platforms. It is "" where Checksums is.
func (d Definition) ChecksumsURL(version string, p release.Platform) (string, error) {
	archive, err := d.Archive(version, p)
	if err != nil {
		return "", err
	}
	return d.expandURL(d.Checksums, version, p, archive)
}

// SignatureURL returns the URL of the signature of the archive at a URL, which Archive or an index stated. It is ""
// where Signature is nil.
func (d Definition) SignatureURL(version string, p release.Platform, archive string) (string, error) {
	if d.Signature == nil {
		return "", nil
	}
	return d.expandURL(d.Signature.URL, version, p, archive)
}

// Package returns the name of the npm package for a platform. It is for definitions with NPM.
func (d Definition) Package(p release.Platform) (string, error) {
	os, arch := d.Upstream(p)
	return fill(d.NPM, map[string]string{"os": os, "arch": arch})
}

// PerPlatform reports whether there is an npm package for each platform, with programs of that platform in it.
func (d Definition) PerPlatform() bool { return strings.Contains(d.NPM, "{") }

// fillVersion replaces the variables of a version in a template, and leaves everything else as it is.
func fillVersion(template, version string) string {
	vars := Definition{}.vars(version, release.Platform{})
	pairs := make([]string, 0, 2*len(versionVars))
	for _, name := range versionVars {
		pairs = append(pairs, "{"+name+"}", vars[name])
	}
	return strings.NewReplacer(pairs...).Replace(template)
}
