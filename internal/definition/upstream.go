package definition

import (
	"fmt"
	"slices"
	"strings"

	"gostore/internal/release"
	"gostore/internal/textfile"
	"gostore/internal/version"
)

// sample is the version that templates are tried with.
const sample = "1.2.3"

// npm reads the name of the npm package or packages.
func (r reader) npm() {
	s := r.May(r.from, "npm", textfile.String)
	if s == nil || !r.template(s, npmVars) {
		return
	}
	r.to.NPM = s.Text
	for _, p := range r.to.Platforms {
		name, err := r.to.Package(p)
		if err == nil {
			err = checkPackage(name)
		}
		if err != nil {
			r.Errorf(s.Offset, "\"npm\": %w", err)
			return
		}
	}
}

// url reads where archives and their checksums are.
func (r reader) url() {
	s := r.May(r.from, "url", textfile.String)
	ok := s != nil && r.urlTemplate(s, urlVars, "")
	if ok {
		r.to.URL = s.Text
	}
	if s != nil && r.from.Get("versions") == nil {
		if r.to.Versions = versionsOf(s.Text); r.to.Versions == (Versions{}) {
			r.Errorf(s.Offset, "\"url\" needs \"versions\": where they are listed cannot be told from the URL")
		}
	}
	c := r.May(r.from, "checksums", textfile.String)
	switch {
	case c != nil && r.to.FirstUse:
		r.Errorf(r.at("first-use"), "\"first-use\" contradicts \"checksums\": it is for upstreams that publish none")
	case s != nil && r.from.Get("checksums") == nil && !r.to.FirstUse:
		r.Errorf(s.Offset, "\"url\" needs \"checksums\": the URL at which upstream publishes them; \"first-use = true\" where it publishes none")
	}
	if c != nil && r.urlTemplate(c, besideVars, r.archive()) {
		r.to.Checksums = c.Text
	}
}

// archive returns the template of archives for trying others, or what stands for one that only the index knows.
func (r reader) archive() string {
	if r.to.URL != "" {
		return r.to.URL
	}
	return "https://example.org/archive.tar.gz"
}

// urlTemplate complains about a template unless it becomes a URL on each platform. archive is the template of what {url} stands for.
func (r reader) urlTemplate(s *textfile.Value, known []string, archive string) bool {
	if !r.template(s, known) {
		return false
	}
	if err := r.to.tryURL(s.Text, archive); err != nil {
		r.Errorf(s.Offset, "%w", err)
		return false
	}
	return true
}

// tryURL expands a template for each platform.
func (d Definition) tryURL(template, archive string) error {
	if archive == "" || !strings.HasPrefix(template, "{url}") {
		if err := checkLiteralHost(template); err != nil {
			return err
		}
	}
	for _, p := range d.platforms() {
		var beside string
		var err error
		if archive != "" {
			beside, err = d.expandURL(archive, sample, p, "")
		}
		var url string
		if err == nil {
			url, err = d.expandURL(template, sample, p, beside)
		}
		if err == nil {
			err = checkURL(url)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// CheckURL reports whether template can be the URL of an archive for a tool that has no definition: an https URL with
// {version}, {os}, {arch}, {major} and {minor} behind its host.
func CheckURL(template string) error {
	known := slices.DeleteFunc(slices.Clone(urlVars), func(name string) bool { return name == "ext" })
	if err := checkTemplate(template, known); err != nil {
		return err
	}
	return Definition{}.tryURL(template, "")
}

// signature reads what signs the archives.
func (r reader) signature() {
	table := r.May(r.from, "signature", textfile.Table)
	if table == nil {
		return
	}
	r.Only(table, "minisign", "url")
	key, url := r.Need(table, "minisign", textfile.String), r.Need(table, "url", textfile.String)
	if key == nil || url == nil {
		return
	}
	if err := checkMinisign(key.Text); err != nil {
		r.Errorf(key.Offset, "%w", err)
	}
	if r.urlTemplate(url, besideVars, r.archive()) {
		r.to.Signature = &Signature{Minisign: key.Text, URL: url.Text}
	}
}

// versionsOf returns where the versions are listed of a tool whose archives are releases on GitHub: the tags of its repository.
func versionsOf(url string) Versions {
	rest, ok := strings.CutPrefix(url, "https://github.com/")
	if !ok {
		return Versions{}
	}
	repository, path, ok := strings.Cut(rest, "/releases/download/")
	if !ok || strings.Count(repository, "/") != 1 || strings.Contains(repository, "{") {
		return Versions{}
	}
	tag, _, _ := strings.Cut(path, "/")
	if checkTag(tag) != nil {
		return Versions{}
	}
	return Versions{Git: "https://github.com/" + repository, Tag: tag}
}

// checkTag lets through a template with {version} once, and nothing else.
func checkTag(tag string) error {
	if err := checkTemplate(tag, tagVars); err != nil {
		return err
	}
	if strings.Count(tag, "{version}") != 1 {
		return fmt.Errorf("tag %q: want {version} in it, once", tag)
	}
	return nil
}

// versions reads where versions are listed.
func (r reader) versions() Versions {
	table := r.May(r.from, "versions", textfile.Table)
	if table == nil {
		return Versions{}
	}
	r.Only(table, "git", "tag", "json", "path", "text", "index", "format", "order")
	in := reader{r.Document, table, r.to}
	v := Versions{
		Git: in.text("git", checkURL), JSON: in.text("json", checkURL), Text: in.text("text", checkURL), Index: in.text("index", checkURL),
		Path: in.text("path", checkJSONPath), Format: in.text("format", checkFormat),
		Order: version.Order(in.text("order", checkOrder)),
	}
	kinds := 0
	for _, key := range []string{"git", "json", "text", "index"} {
		if table.Get(key) != nil {
			kinds++
		}
	}
	if kinds != 1 {
		r.Errorf(table.Offset, "\"versions\" has %d of git, json, text and index: want one", kinds)
	}
	in.pair("json", "path")
	in.pair("index", "format")
	if s := r.May(table, "tag", textfile.String); s != nil && r.template(s, tagVars) {
		if err := checkTag(s.Text); err != nil {
			r.Errorf(s.Offset, "%w", err)
		}
		v.Tag = s.Text
		if v.Index != "" {
			r.Errorf(in.at("tag"), "\"tag\" has no meaning for an index")
		}
	}
	return v
}

// checkOrder lets through the orders that versions can have beside the usual one.
func checkOrder(s string) error {
	if version.Order(s) != version.Natural {
		return fmt.Errorf("%q is none: there is %q, and the usual one without this key", s, version.Natural)
	}
	return nil
}

// pair complains about one of two keys without the other.
func (r reader) pair(a, b string) {
	if (r.from.Get(a) == nil) == (r.from.Get(b) == nil) {
		return
	}
	if r.from.Get(a) == nil {
		a, b = b, a
	}
	r.Errorf(r.at(a), "%q needs %q", a, b)
}

// checkPlatform lets through platforms that gostore can be on.
func checkPlatform(p release.Platform) error {
	if !slices.Contains(systems, p.OS) {
		return fmt.Errorf("platform %q: gostore runs on %s", p, strings.Join(systems, " and "))
	}
	if !slices.Contains(architectures, p.Arch) {
		return fmt.Errorf("platform %q: no architecture of Go's; known are %s", p, strings.Join(architectures, ", "))
	}
	return nil
}

// The platforms that gostore can be built for, in Go's names.
var (
	systems       = []string{"linux", "darwin"}
	architectures = []string{"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x"}
)
