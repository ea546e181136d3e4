package npm

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTrees resolves the first package of each case. In what is wanted "/" stands for node_modules/.
func TestTrees(t *testing.T) {
	for _, c := range []struct{ name, packages, want string }{
		{"alone", "a@1.0.0", "/a=a@1.0.0"},
		{"shared", "a@1.0.0 dep:b@^1 dep:c@^1\nb@1.0.0 dep:c@~1.2\nc@1.2.5\nc@1.3.0", "/a=a@1.0.0 /b//c=c@1.2.5 /b=b@1.0.0 /c=c@1.3.0"},
		{"scoped", "@x/a@1.0.0 dep:@y/b@1\n@y/b@1.5.0", "/@x/a=@x/a@1.0.0 /@y/b=@y/b@1.5.0"},
		{"conflict", "a@1.0.0 dep:b@1 dep:c@1\nb@1.0.0 dep:c@2\nc@1.0.0\nc@2.0.0", "/a=a@1.0.0 /b//c=c@2.0.0 /b=b@1.0.0 /c=c@1.0.0"},
		{"cycle", "a@1.0.0 dep:b@1\nb@1.0.0 dep:c@1\nc@1.0.0 dep:a@1 dep:b@1", "/a=a@1.0.0 /b=b@1.0.0 /c=c@1.0.0"},
		{"needs its own older self", "a@2.0.0 dep:a@1\na@1.0.0", "/a//a=a@1.0.0 /a=a@2.0.0"},
		{"alias", "a@1.0.0 dep:b1@npm:b@^1 dep:b2@npm:b@2\nb@1.1.0\nb@2.0.0", "/a=a@1.0.0 /b1=b@1.1.0 /b2=b@2.0.0"},
		{"alias is no match for the name", "a@1.0.0 dep:b@npm:x@1 dep:c@1\nc@1.0.0 dep:b@1\nb@1.0.0\nx@1.0.0",
			"/a=a@1.0.0 /b=x@1.0.0 /c//b=b@1.0.0 /c=c@1.0.0"},
		{"dist-tag", "a@1.0.0 dep:b@latest\nb@1.0.0", "/a=a@1.0.0 /b=b@1.0.0"},
		{"everything", "a@1.0.0 dep:b@* dep:c@\nb@1.0.0-rc.1\nc@1.0.0", "/a=a@1.0.0 /b=b@1.0.0-rc.1 /c=c@1.0.0"},
		{"everything includes a latest that is a pre-release", "a@1.0.0 dep:b@*\nb@3.0.0\nb@2.0.0-rc.1", "/a=a@1.0.0 /b=b@2.0.0-rc.1"},
		{"everything includes pre-releases where there is nothing else", "a@1.0.0 dep:b@*\nb@1.0.0-rc.1 deprecated", "/a=a@1.0.0 /b=b@1.0.0-rc.1"},
		{"everything prefers releases", "a@1.0.0 dep:b@*\nb@1.0.0\nb@2.0.0-rc.1 deprecated", "/a=a@1.0.0 /b=b@1.0.0"},
		{"latest before newer", "a@1.0.0 dep:b@^1\nb@1.9.0\nb@1.2.0", "/a=a@1.0.0 /b=b@1.2.0"},
		{"deprecated last", "a@1.0.0 dep:b@^1\nb@1.1.0\nb@1.2.0 deprecated\nb@2.0.0", "/a=a@1.0.0 /b=b@1.1.0"},
		{"only deprecated", "a@1.0.0 dep:b@^1\nb@1.2.0 deprecated\nb@2.0.0", "/a=a@1.0.0 /b=b@1.2.0"},
		{"peer is brought", "a@1.0.0 peer:b@^1\nb@1.0.0", "/a=a@1.0.0 /b=b@1.0.0"},
		{"optional peer is not", "a@1.0.0 peer?:b@^1\nb@1.0.0", "/a=a@1.0.0"},
		{"peer beside", "a@1.0.0 dep:p@1 dep:b@1\np@1.0.0 peer:b@*\nb@1.0.0", "/a=a@1.0.0 /b=b@1.0.0 /p=p@1.0.0"},
		{"main is the peer", "a@1.0.0 dep:p@1\np@1.0.0 peer:a@^1", "/a=a@1.0.0 /p=p@1.0.0"},
		{"peer in another version is shared", "a@1.0.0 dep:p@1 dep:b@2\np@1.0.0 peer:b@^1\nb@1.0.0\nb@2.0.0", "/a=a@1.0.0 /b=b@2.0.0 /p=p@1.0.0"},
		{"stays with its peer", "a@1.0.0 dep:b@1 dep:q@1\nq@1.0.0 dep:b@2 dep:p@1\np@1.0.0 peer:b@2\nb@1.0.0\nb@2.0.0",
			"/a=a@1.0.0 /b=b@1.0.0 /q//b=b@2.0.0 /q//p=p@1.0.0 /q=q@1.0.0"},
		{"optional is there", "a@1.0.0 opt:b@1\nb@1.0.0", "/a=a@1.0.0 /b=b@1.0.0"},
		{"optional is not there", "a@1.0.0 opt:b@1 opt:c@3 opt:d@git+ssh://x/y\nc@1.0.0", "/a=a@1.0.0"},
		{"optional beats plain", "a@1.0.0 dep:b@1 opt:b@2\nb@1.0.0\nb@2.0.0", "/a=a@1.0.0 /b=b@2.0.0"},
		{"bundled", "a@1.0.0 bundle:b@1 dep:c@1\nc@1.0.0", "/a=a@1.0.0 /c=c@1.0.0"},
		{"range with spaces", "a@1.0.0 dep:b@>=1_<2_||_3\nb@2.0.0\nb@3.0.0\nb@1.0.0\nb@4.0.0", "/a=a@1.0.0 /b=b@3.0.0"},
		{"systems", "a@1.0.0 opt:w@1 opt:m@1 opt:l@1 opt:n@1\nw@1.0.0 os:win32\nm@1.0.0 os:darwin dep:x@1\nl@1.0.0 os:linux cpu:x64\nx@1.0.0\nn@1.0.0 os:!win32",
			"/a=a@1.0.0 /l=l@1.0.0?os=linux&cpu=x64 /m=m@1.0.0?os=darwin /n=n@1.0.0?os=!win32 /x=x@1.0.0"},
		{"any system", "a@1.0.0 dep:b@1\nb@1.0.0 os:any", "/a=a@1.0.0 /b=b@1.0.0"},
		{"other C library", "a@1.0.0 opt:m@1 opt:g@1\nm@1.0.0 os:linux libc:musl\ng@1.0.0 os:linux libc:glibc", "/a=a@1.0.0 /g=g@1.0.0?os=linux"},
		// c is settled late: what is put highest must not come between b and the x that it has.
		{"nobody gets another one", "a@1.0.0 dep:b@1 dep:x@1\nb@1.0.0 dep:c@1 dep:d@1\nc@1.0.0 dep:x@2\nd@1.0.0 dep:x@2\nx@1.0.0\nx@2.0.0",
			"/a=a@1.0.0 /b=b@1.0.0 /c//x=x@2.0.0 /c=c@1.0.0 /d//x=x@2.0.0 /d=d@1.0.0 /x=x@1.0.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.publishAll(c.packages)
			main := strings.Fields(c.packages)[0]
			r, err := f.source().Resolve(t.Context(), request(t, main), nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Fields(c.want), names(r.Parts)); diff != "" {
				t.Error(diff)
			}
			again, err := f.source().Resolve(t.Context(), request(t, main), nil)
			if err != nil || cmp.Diff(names(r.Parts), names(again.Parts)) != "" {
				t.Errorf("the second time %q, %v", names(again.Parts), err)
			}
		})
	}
}

// TestShadow constructs the state in which putting a package highest would give somebody else the wrong one.
func TestShadow(t *testing.T) {
	at := func(text string) *manifest {
		name, v := cutVersion(text)
		version, _ := parseVersion(v)
		return &manifest{Name: name, Version: v, version: version}
	}
	root := &node{children: map[string]*node{}}
	put := func(n *node, m *manifest) *node {
		child, err := n.add(m.Name, m)
		if err != nil {
			t.Fatal(err)
		}
		return child
	}
	x := put(root, at("x@1.0.0"))
	b := put(root, at("b@1.0.0"))
	user := at("user@1.0.0")
	user.Needs = table{"x": "1"}
	put(b, user).found["x"] = x
	c := put(b, at("c@1.0.0"))
	spec, err := parseSpec("x", "2")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.highest(need{edge{"x", required, spec}, at("x@2.0.0")}); got != c {
		t.Errorf("x@2 goes to %q, where user@1.0.0 would find it", got.place())
	}
	if got := c.highest(need{edge{"x", required, spec}, at("x@1.5.0")}); got != b {
		t.Errorf("x@1.5 goes to %q, want b", got.place())
	}
	host := at("host@1.0.0")
	host.Peers = table{"x": "1"} // which it finds beside itself, whatever it has inside
	h := put(root, host)
	h.found["x"] = x
	if got := put(h, at("c@1.0.0")).highest(need{edge{"x", required, spec}, at("x@2.0.0")}); got != h {
		t.Errorf("x@2 goes to %q, want host", got.place())
	}
}
