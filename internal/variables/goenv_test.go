package variables

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseFile(t *testing.T) {
	f := ParseFile("/f", []byte("# comment\nA=1\n\n B=2\nGOFLAGS=-x=y z \r\nlower=1\nC\n=x\nA=\nÄ=1\nZ=last"))
	want := File{"/f", []Line{{2, "A", "1"}, {5, "GOFLAGS", "-x=y z \r"}, {9, "A", ""}, {11, "Z", "last"}}}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("\n got %+v\nwant %+v", f, want)
	}
	if line, ok := f.Get("A"); !ok || line.Number != 9 {
		t.Errorf("of two lines %v counts, %v", line, ok)
	}
	if _, ok := f.Get("B"); ok {
		t.Error("a line with space before it counts")
	}
}

func TestGoEnvPath(t *testing.T) {
	for _, c := range []struct{ goos, environ, want string }{
		{"linux", "HOME=/h", "/h/.config/go/env"},
		{"linux", "HOME=/h XDG_CONFIG_HOME=/x", "/x/go/env"},
		{"linux", "HOME=/h XDG_CONFIG_HOME=x", ""},
		{"linux", "HOME=/h XDG_CONFIG_HOME=", "/h/.config/go/env"},
		{"linux", "", ""},
		{"linux", "XDG_CONFIG_HOME=/x", "/x/go/env"},
		{"darwin", "HOME=/h XDG_CONFIG_HOME=/x", "/h/Library/Application Support/go/env"},
		{"darwin", "XDG_CONFIG_HOME=/x", ""},
		{"linux", "HOME=/h GOENV=off", ""},
		{"linux", "HOME=/h GOENV=", "/h/.config/go/env"},
		{"linux", "HOME=/h GOENV=a/file", "a/file"},
		{"darwin", "HOME=/h GOENV=/a/file", "/a/file"},
		{"linux", "GOENV=/first GOENV=/last", "/last"},
	} {
		if got := GoEnvPath(c.goos, strings.Fields(c.environ)); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.goos, c.environ, got, c.want)
		}
	}
}

func TestReturning(t *testing.T) {
	f := ParseFile("", []byte("GOFLAGS=-x\nGOROOT=/r\nGOPRIVATE=p\nGOTOOLDIR=/t\nGOPROXY=\nGOVCS=v\n"))
	names := []string{"GOVCS", "GOROOT", "GOFLAGS", "GOFLAGS", "GOTOOLDIR", "GOPROXY", "GOBIN"}
	got := Returning(f, []string{"GOFLAGS=", "GOVCS=set"}, names)
	if want := []string{"GOFLAGS", "GOPROXY", "GOROOT"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzWithout(f *testing.F) {
	f.Add("A=1\n# B=2\nB=2\nBB=3\nB=4", "B")
	f.Add("A=1\r\nB", "A")
	f.Fuzz(func(t *testing.T, text, name string) {
		before := ParseFile("", []byte(text))
		after := ParseFile("", Without([]byte(text), []string{name}))
		if _, ok := after.Get(name); ok {
			t.Errorf("%q is still in %+v", name, after)
		}
		same := func(a, b Line) bool { return a.Name == b.Name && a.Value == b.Value }
		rest := slices.DeleteFunc(before.Lines, func(l Line) bool { return l.Name == name })
		if !slices.EqualFunc(rest, after.Lines, same) {
			t.Errorf("of %q without %q is left %+v", text, name, after)
		}
	})
}

func TestFights(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"GOFLAGS", "-v -mod=vendor", "-mod decides"},
		{"GOFLAGS", "'-toolexec=a b' --overlay=x", "-overlay builds other files"},
		{"GOFLAGS", "-trimpath -count=1 mod", ""},
		{"GOFLAGS", "", ""},
		{"GOTOOLCHAIN", "go1.21.0", "another one"},
		{"GOTOOLCHAIN", "local", ""},
		{"GOROOT", "/r", "this tree"},
		{"GOPROXY", "off", "no module"},
		{"GOPROXY", "https://example.org", ""},
		{"GOSUMDB", "off", "checksum database"},
		{"GOSUMDB", "sum.example.org", ""},
		{"GO111MODULE", "off", "go.mod is ignored"},
		{"GO111MODULE", "on", ""},
		{"GOOS", "js", "this platform"},
		{"GOPRIVATE", "x", ""},
	} {
		got := Fights(c.name, c.value)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s=%s: %q, want %q", c.name, c.value, got, c.want)
		}
	}
}
