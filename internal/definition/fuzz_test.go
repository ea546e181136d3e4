package definition

import (
	"net/url"
	"strings"
	"testing"

	"gostore/internal/release"
	"gostore/internal/textfile"
)

// FuzzParse holds what the package promises about definitions that Parse accepted.
func FuzzParse(f *testing.F) {
	f.Add(everything, "1.2.3")
	f.Add("[tool.x]\nurl = \"https://x/{version}{ext}\"\nfirst-use = true\next = \".gz\"\nversions = { text = \"https://x/\" }", "1")
	f.Add("[tool.x]\nnpm = \"@a/{os}\"\nos = { linux = \"..\" }\ncommands = { \"a\\\"\" = \"{version}/{major}\" }", "v1.2")
	f.Add("[tool.x]\nversions = { index = \"https://x\", format = \"zig\" }\nsignature = { minisign = \"RW\", url = \"{file}\" }", "0")
	f.Fuzz(func(t *testing.T, text, version string) {
		doc, err := textfile.ParseTOML("t", []byte(text))
		if err != nil || release.CheckVersion(version) != nil {
			return
		}
		list := Parse(doc, doc.May(&doc.Root, "tool", textfile.Table), "t")
		if err := doc.Err(); err != nil {
			_ = err.Error()
			return
		}
		for _, d := range list {
			if len(d.Sources()) == 0 {
				t.Fatalf("%+v comes from nowhere", d)
			}
			for _, p := range d.platforms() {
				checkURLs(t, d, version, p)
			}
			checkLayout(t, d.LayoutFor(version))
		}
		Set{}.With(list).Nearest(version)
	})
}

// checkURLs complains when a URL does not lead where its template does.
func checkURLs(t *testing.T, d Definition, version string, p release.Platform) {
	archive, err := d.Archive(version, p)
	if err != nil {
		if strings.Contains(err.Error(), "{minor}") || strings.Contains(err.Error(), "{major}") {
			return // a version without such a number
		}
		t.Fatal(err)
	}
	sums, err1 := d.ChecksumsURL(version, p)
	signature, err2 := d.SignatureURL(version, p, archive)
	for i, s := range []string{archive, sums, signature} {
		if s == "" || err1 != nil || err2 != nil {
			continue
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "https" && !isLoopback(u.Hostname()) || u.Hostname() == "" || u.User != nil {
			t.Fatalf("URL %d of %s is %q: %v", i, d.Name, s, err)
		}
	}
}

func checkLayout(t *testing.T, l release.Layout) {
	for name, path := range l.Names {
		if strings.HasPrefix(path, "/") || strings.Contains(name, "/") || strings.Contains("/"+path+"/", "/../") {
			t.Fatalf("command %q is %q", name, path)
		}
	}
	for _, dir := range l.Dirs {
		if strings.HasPrefix(dir, "/") || strings.Contains("/"+dir+"/", "/../") {
			t.Fatalf("directory %q", dir)
		}
	}
	for name := range l.Set {
		if name == "PATH" || strings.HasPrefix(name, "GOSTORE_") {
			t.Fatalf("variable %q is set", name)
		}
	}
}

// FuzzExpand holds that what checkTemplate accepts expands, and what it refuses does not.
func FuzzExpand(f *testing.F) {
	f.Add("https://x/{version}/x-{os}-{arch}.{ext}", "1.2.3")
	f.Add("{major}}", "x")
	f.Add("{{minor}", "1")
	f.Fuzz(func(t *testing.T, template, version string) {
		d := Definition{Ext: map[string]string{anyOS: "zip"}}
		p := release.Platform{OS: "linux", Arch: "amd64"}
		s, err := d.Expand(template, version, p)
		accepted := checkTemplate(template, urlVars) == nil
		if _, complete := d.vars(version, p)["minor"]; complete && accepted != (err == nil) {
			t.Fatalf("accepted: %v; expanded to %q, %v", accepted, s, err)
		}
		if err == nil && !strings.ContainsAny(template, "{}") && s != template {
			t.Fatalf("%q became %q", template, s)
		}
		_, _ = Versions{Git: "x", Tag: template}.Match(version)
	})
}
