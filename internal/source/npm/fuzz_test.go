package npm

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/tree"
)

// FuzzPackument takes what a registry may answer through everything that looks at it: whatever is accepted has places, commands
// and digests that cannot do harm.
func FuzzPackument(f *testing.F) {
	whole := `{"name":"a","dist-tags":{"latest":"1.0.0","next":"2.0.0-a"},"versions":{"1.0.0":{"name":"a","version":"1.0.0","bin":{"a":"./x.js"},
		"dependencies":{"b":"^1","c":"npm:@x/d@1 || 2"},"optionalDependencies":{"e":"*"},"peerDependencies":{"f":"1 - 2"},"peerDependenciesMeta":{"f":{"optional":true}},
		"os":["linux","!win32"],"cpu":"x64","libc":["glibc"],"bundleDependencies":["b"],"engines":{"node":">=18"},
		"dist":{"integrity":"` + integrity(nil) + `","tarball":"https://r.example/a/-/a-1.0.0.tgz"}}}}`
	for _, seed := range []string{whole, "{}", "[]", "null", `{"name":"a","versions":{"1.0.0":null}}`, strings.Replace(whole, "./x.js", "../../x", 1),
		strings.Replace(whole, `"b":`, `"../b":`, 1), strings.Replace(whole, `"1.0.0"`, `"9.9.9"`, 2)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePackument("a", data)
		if err != nil {
			return
		}
		for _, want := range []string{"latest", "1", "1.0.0", "next"} {
			m, err := p.request("a", want)
			if m == nil {
				if err == nil {
					t.Fatalf("%s: neither a version nor an error", want)
				}
				continue
			}
			checkManifest(t, m)
		}
	})
}

func checkManifest(t *testing.T, m *manifest) {
	if d, err := m.digest(); err == nil && d.Algorithm() != "sha512" {
		t.Errorf("digest %q", d)
	}
	root := &node{children: map[string]*node{}}
	n, err := root.add(m.Name, m)
	if err != nil {
		return
	}
	for _, e := range n.edges {
		if err := tree.CheckPath(e.name + "/" + e.spec.pkg); err != nil || strings.Contains(e.name, "..") && strings.Trim(e.name, ".") == "" {
			t.Errorf("dependency %q: %v", e.name, err)
		}
	}
	l, err := layoutOf(m, release.Layout{}, n.place(), false)
	if err != nil {
		return
	}
	for name, to := range l.Names {
		if err := tree.CheckPath(to); err != nil || !strings.HasPrefix(to, "lib/node_modules/a/") || strings.Contains(name, "/") {
			t.Errorf("command %q: %q, %v", name, to, err)
		}
	}
	if _, err := rehost(m.Dist.Tarball, "https://r.example/npm"); err != nil {
		return
	}
	parts, err := partsOf(func(yield func(*node) bool) { yield(n) })
	if err != nil {
		return
	}
	for _, r := range parts {
		if _, err := parsePart(r); err != nil {
			t.Errorf("part %q that was made does not parse: %v", r.Name, err)
		}
	}
}

// FuzzRehost shows that no stated URL leads away from the registry.
func FuzzRehost(f *testing.F) {
	for _, seed := range []string{"https://x.example/a/-/a-1.tgz", "http://u:p@r.example:80/x?y#z", "file:///x", "//r.example/x", "https://r.example@evil.example/x", "https://r.example\\@x/y", "/x", "https:x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stated string) {
		got, err := rehost(stated, "https://r.example/npm")
		if err == nil && !strings.HasPrefix(got, "https://r.example/") {
			t.Errorf("rehost(%q) = %q", stated, got)
		}
	})
}

func FuzzRC(f *testing.F) {
	for _, seed := range []string{"registry=https://r.example/", "@x:registry = \"https://x.example\"", "//r.example/:_authToken=${TOKEN}", "//r.example/:_authToken=${${A}}",
		"registry='", "[x]\nregistry=a", "registry=${A?}", ";\n#\n=\n", "@:registry=x", "//:_authToken=x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		secret := func(string) string { return "s3cret" }
		if r := parseRC(data, secret); strings.HasSuffix(r.registry, "/") {
			t.Errorf("registry %q", r.registry)
		}
		if strings.Contains(string(data), "s3cret") {
			return
		}
		project := parseRC(data, nil)
		if len(project.tokens) > 0 || strings.Contains(project.registry, "s3cret") {
			t.Errorf("a project's file: %+v", project)
		}
	})
}

// FuzzRange looks for ranges that crash, and for what has to hold of every range: a version is in its own, and in its own
// only, and alternatives add up.
func FuzzRange(f *testing.F) {
	for _, line := range strings.Split(rangesTable, "\n") {
		quoted, _, _ := strings.Cut(line, "\t")
		f.Add(strings.Trim(quoted, `"`), "1.2.3-beta.2")
	}
	f.Fuzz(func(t *testing.T, text, version string) {
		v, ok := parseVersion(version)
		r, err := parseRange(text)
		if err == nil && ok {
			both, err := parseRange(text + " || " + version)
			if err != nil || !both.admits(v) {
				t.Errorf("%q || %q: %v", text, version, err)
			}
			twice, err := parseRange(text + "||" + text)
			if err != nil || twice.admits(v) != r.admits(v) {
				t.Errorf("%q twice: %v", text, err)
			}
		}
		if _, err := parseSpec("a", text); err == nil && strings.Contains(text, "/") && !strings.HasPrefix(strings.TrimSpace(text), "npm:@") {
			t.Errorf("specifier %q", text)
		}
		if ok && v.compare(v) != 0 {
			t.Errorf("%q is not itself", version)
		}
	})
}

// FuzzPart reads part names as a lock may hold them: what is accepted is inside the tree and is written as it was read.
func FuzzPart(f *testing.F) {
	for _, seed := range []string{"node_modules/a=a@1.0.0", "node_modules/@x/a/node_modules/b=c@1.0.0-rc.1+5?os=linux,!darwin&cpu=x64",
		"node_modules/../a=a@1.0.0", "node_modules/a=a@1.0.0?cpu=arm64", "node_modules/node_modules=a@1.0.0", "=@?"} {
		f.Add(seed)
	}
	d, err := digest.ParseArchive(integrity(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		p, err := parsePart(release.Part{Name: name, Digest: d})
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			return
		}
		if err := tree.CheckPath("lib/" + p.place); err != nil || !strings.HasPrefix(p.place, "node_modules/") {
			t.Error(err)
		}
		if again, err := parsePart(p.part()); err != nil || again.name() != p.name() {
			t.Errorf("%q becomes %q, %v", name, p.name(), err)
		}
	})
}
