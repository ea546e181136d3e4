package definition

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gostore/internal/release"
	"gostore/internal/textfile"
)

// reserved is the tool whose sources need no definition: one of it would decide nothing.
const reserved = "go"

// keys are what a definition may say, in the order in which docs/tools.md describes them.
var keys = []string{
	"about", "home", "url", "checksums", "first-use", "signature", "versions", "module", "npm",
	"platforms", "os", "arch", "ext", "bin", "commands", "env", "unset", "check", "says",
}

// Parse reads definitions from table, whose keys are names of tools: the table "tool" of gostore.toml, of the
// user's configuration and of the built-in file. place is what Place calls the file. A nil table has none.
//
// Complaints go to doc: the definitions are of use only if doc.Err is nil. They are in the order of the file.
func Parse(doc *textfile.Document, table *textfile.Value, place string) []Definition {
	if table == nil {
		return nil
	}
	var list []Definition
	for _, e := range table.Entries {
		if err := checkName(e.Key); err != nil {
			doc.Errorf(e.Offset, "%w", err)
		}
		t := doc.Is(e.Value, textfile.Table, e.Key)
		if t == nil {
			continue
		}
		line, _ := doc.Position(e.Offset)
		r := reader{doc, t, &Definition{Name: e.Key, Place: fmt.Sprintf("%s:%d", place, line)}}
		r.definition()
		list = append(list, *r.to)
	}
	return list
}

func checkName(name string) error {
	switch err := release.CheckTool(name); {
	case err != nil:
		return err
	case strings.Contains(name, "/"):
		return fmt.Errorf("tool name %q: a name with \"/\" is a Go package or an npm package, which needs no definition", name)
	case name == reserved:
		return fmt.Errorf("tool %q needs no definition: which source it comes from is for [sources] in the configuration", name)
	}
	return nil
}

// reader reads one definition and complains in the name of its document.
type reader struct {
	*textfile.Document
	from *textfile.Value // the table
	to   *Definition
}

func (r reader) definition() {
	r.Only(r.from, keys...)
	d := r.to
	d.About = r.text("about", checkLine)
	d.Home = r.text("home", checkURL)
	d.Module = r.text("module", checkModule)
	d.Platforms = r.platforms()
	d.OS = r.names("os", func(p release.Platform) string { return p.OS })
	d.Arch = r.names("arch", func(p release.Platform) string { return p.Arch })
	d.Ext = r.ext()
	d.Versions = r.versions()
	d.FirstUse = r.truth("first-use")
	r.npm()
	r.url()
	r.signature()
	r.layout()
	r.ways()
}

// platforms returns the platforms that are listed, sorted, or the default ones.
func (r reader) platforms() []release.Platform {
	array := r.May(r.from, "platforms", textfile.Array)
	if array == nil {
		return DefaultPlatforms()
	}
	var list []release.Platform
	for i := range array.Items {
		s := r.Is(&array.Items[i], textfile.String, "platforms")
		if s == nil {
			continue
		}
		p, err := release.ParsePlatform(s.Text)
		if err == nil {
			err = checkPlatform(p)
		}
		switch {
		case err != nil:
			r.Errorf(s.Offset, "%w", err)
		case slices.Contains(list, p):
			r.Errorf(s.Offset, "platform %s is listed twice", p)
		default:
			list = append(list, p)
		}
	}
	if len(array.Items) == 0 {
		r.Errorf(array.Offset, "no platform is listed; leave the key out for %s", joined(DefaultPlatforms()))
	}
	slices.SortFunc(list, release.Platform.Compare)
	return list
}

func joined(list []release.Platform) string {
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = p.String()
	}
	return strings.Join(words, ", ")
}

// names reads upstream's names for systems or architectures. A key that matches no platform is most likely misspelt.
func (r reader) names(key string, of func(release.Platform) string) map[string]string {
	table := r.May(r.from, key, textfile.Table)
	if table == nil {
		return nil
	}
	names := make(map[string]string, len(table.Entries))
	for _, e := range table.Entries {
		matches := func(p release.Platform) bool { return e.Key == of(p) || e.Key == p.String() }
		if !slices.ContainsFunc(r.to.Platforms, matches) {
			r.Errorf(e.Offset, "%s %q is none of the platforms' %s", key, e.Key, joined(r.to.Platforms))
		}
		r.put(names, e, checkWord)
	}
	return names
}

// ext reads the value of {ext}: one for all, or a table.
func (r reader) ext() map[string]string {
	e := r.from.Get("ext")
	if e == nil {
		return nil
	}
	ext := map[string]string{}
	switch e.Value.Kind {
	case textfile.String:
		r.put(ext, textfile.Entry{Key: anyOS, Offset: e.Offset, Value: e.Value}, checkWord)
	case textfile.Table:
		for _, e := range e.Value.Entries {
			matches := func(p release.Platform) bool { return e.Key == p.OS || e.Key == p.String() }
			if e.Key != anyOS && !slices.ContainsFunc(r.to.Platforms, matches) {
				r.Errorf(e.Offset, "ext %q is neither %q nor one of the platforms' %s", e.Key, anyOS, joined(r.to.Platforms))
			}
			r.put(ext, e, checkWord)
		}
	default:
		r.Errorf(e.Value.Offset, "\"ext\" must be a string or a table, not %v", e.Value.Kind)
	}
	return ext
}

// layout reads how the tool presents itself.
func (r reader) layout() {
	l := &r.to.Layout
	l.Dirs = r.list("bin", checkDir)
	l.Names = r.table("commands", checkCommand, checkPath, versionVars)
	l.Set = r.table("env", checkVariable, checkLine, envVars)
	l.Unset = r.list("unset", checkVariable)
	l.Check = r.list("check", checkLine)
	l.CheckWant = r.text("says", checkLine)
	for i, dir := range l.Dirs {
		if dir == "." {
			l.Dirs[i] = "" // as package environment calls the top of a tree
		}
	}
	for _, name := range l.Unset {
		if _, both := l.Set[name]; both {
			r.Errorf(r.at("unset"), "variable %q is both set and unset", name)
		}
	}
	if s := r.from.Get("says"); s != nil && len(l.Check) == 0 {
		r.Errorf(s.Offset, "\"says\" needs \"check\": the command that says it")
	}
	if len(l.Check) == 0 {
		return
	}
	if _, ok := l.Names[l.Check[0]]; !ok && len(l.Names) > 0 && len(l.Dirs) == 0 {
		r.Errorf(r.at("check"), "check runs %q, which is none of the commands %s", l.Check[0], strings.Join(slices.Sorted(maps.Keys(l.Names)), ", "))
	}
}

// ways complains about what belongs to a way to obtain the tool that is not taken, and when there is none.
func (r reader) ways() {
	d := r.to
	has := func(key string) bool { return r.from.Get(key) != nil }
	indexed := d.Versions.Format == FormatZig
	released := has("url") || indexed
	if !released && !has("module") && !has("npm") {
		r.Errorf(r.from.Offset, "tool %q: nothing says where it comes from; want one of url, module, npm, or versions with an index that states URLs", d.Name)
	}
	for _, key := range []string{"checksums", "first-use", "signature", "versions"} {
		if has(key) && !released {
			r.Errorf(r.at(key), "%q is for downloads: it needs \"url\"", key)
		}
	}
	for _, key := range []string{"url", "checksums", "first-use"} {
		if has(key) && indexed {
			r.Errorf(r.at(key), "%q contradicts versions: the index states URLs and checksums", key)
		}
	}
	if has("ext") && !has("url") {
		r.Errorf(r.at("ext"), "\"ext\" is for templates of URLs: it needs \"url\"")
	}
	for _, key := range []string{"platforms", "os", "arch", "bin", "commands", "env", "unset", "check", "says"} {
		if has(key) && has("module") && !released && !has("npm") {
			r.Errorf(r.at(key), "%q is not for Go packages: they are built for any platform, and are one command without settings", key)
		}
	}
}

// at returns the place of a key.
func (r reader) at(key string) int {
	if e := r.from.Get(key); e != nil {
		return e.Offset
	}
	return r.from.Offset
}

// errEmpty is for strings that would say nothing.
var errEmpty = errors.New("is empty; leave the key out")
