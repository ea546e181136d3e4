package environment

import (
	"slices"
	"strings"
	"testing"

	"gostore/internal/release"
)

func TestApply(t *testing.T) {
	e := newEnvironment([]Tool{
		{Name: "node", Version: "22.1.0"},
		{Name: "go", Version: "1.22.6", Layout: release.Layout{
			Set: map[string]string{"GOTOOLCHAIN": "local"}, Unset: []string{"GOROOT", "GOTOOLDIR"}}},
	})
	const own = "GOSTORE_ENVIRONMENT=/s/e GOSTORE_SHELL=1 GOSTORE_TOOLS=go@1.22.6_node@22.1.0 GOTOOLCHAIN=local"
	for _, c := range []struct{ name, in, want string }{
		{"nothing inherited", "", own + " PATH=/s/e/bin:/usr/local/bin:/usr/bin:/bin"},
		{"empty PATH", "PATH=", "PATH=/s/e/bin:/usr/local/bin:/usr/bin:/bin " + own},
		{"order kept", "A=1 PATH=/bin B=2", "A=1 PATH=/s/e/bin:/bin B=2 " + own},
		{"first already", "PATH=/s/e/bin:/bin", "PATH=/s/e/bin:/bin " + own},
		{"further back", "PATH=/a:/s/e/bin:/b:/s/e/bin/:/s/e//bin", "PATH=/s/e/bin:/a:/b " + own},
		{"only ours", "PATH=/s/e/bin", "PATH=/s/e/bin " + own},
		{"another environment stays", "PATH=/s/f/bin:/bin", "PATH=/s/e/bin:/s/f/bin:/bin " + own},
		{"empty entries stay", "PATH=:/a::", "PATH=/s/e/bin::/a:: " + own},
		{"scrubbed", "GOROOT=/x PATH=/a GOTOOLDIR= GOROOT=/y GOROOTS=1", "PATH=/s/e/bin:/a GOROOTS=1 " + own},
		{"set in place", "GOTOOLCHAIN=go1.2 PATH=/a", "GOTOOLCHAIN=local PATH=/s/e/bin:/a " +
			"GOSTORE_ENVIRONMENT=/s/e GOSTORE_SHELL=1 GOSTORE_TOOLS=go@1.22.6_node@22.1.0"},
		{"last of a name counts", "A=1 PATH=/a A=2 PATH=/b A=", "PATH=/s/e/bin:/b A= " + own},
		{"no variable", "A PATH=/a =x", "A PATH=/s/e/bin:/a =x " + own},
		{"nested", "GOSTORE_SHELL=1 PATH=/a GOSTORE_TOOLS=x GOSTORE_ENVIRONMENT=/old",
			"GOSTORE_SHELL=2 PATH=/s/e/bin:/a GOSTORE_TOOLS=go@1.22.6_node@22.1.0 GOSTORE_ENVIRONMENT=/s/e GOTOOLCHAIN=local"},
		{"nonsense depth", "GOSTORE_SHELL=-4 PATH=/a", "GOSTORE_SHELL=1 PATH=/s/e/bin:/a " +
			"GOSTORE_ENVIRONMENT=/s/e GOSTORE_TOOLS=go@1.22.6_node@22.1.0 GOTOOLCHAIN=local"},
	} {
		in := strings.Fields(c.in)
		kept := slices.Clone(in)
		want := strings.Fields(c.want)
		for i := range want {
			want[i] = strings.ReplaceAll(want[i], "_node", " node")
		}
		if c.name == "nothing inherited" {
			slices.Sort(want)
		}
		if got := e.Apply("/s/e", in); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, want)
		}
		if !slices.Equal(in, kept) {
			t.Errorf("%s: changed its argument to %q", c.name, in)
		}
	}
}

func TestApplySettings(t *testing.T) {
	e := newEnvironment([]Tool{{Name: "go", Version: "1.22.6", Layout: release.Layout{
		Set: map[string]string{"GOTOOLCHAIN": "local", "GOFLAGS": "-x"}, Unset: []string{"GOROOT"}}}})
	in := []string{"A=1", "B=2", "C=3", "GOROOT=/x", "PATH=/bin"}
	got := e.Apply("/s/e", in,
		Setting{Name: "A", Value: "one"}, Setting{Name: "B", Unset: true}, Setting{Name: "GOFLAGS", Unset: true},
		Setting{Name: "GOROOT", Value: "/y"}, // what a tool does not want inherited can still be set
		Setting{Name: "D", Value: "first"}, Setting{Name: "D", Value: "last"},
		Setting{Name: "E", Unset: true}, Setting{Name: "E", Value: ""})
	want := []string{"A=one", "C=3", "GOROOT=/y", "PATH=/s/e/bin:/bin", "D=last", "E=", "GOSTORE_ENVIRONMENT=/s/e", "GOSTORE_SHELL=1",
		"GOSTORE_TOOLS=go@1.22.6", "GOTOOLCHAIN=local"}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

func TestNextDepth(t *testing.T) {
	for in, want := range map[string]string{"": "1", "0": "1", "1": "2", "41": "42", "x": "1", "99999999999999999999": "1", "9223372036854775807": "1"} {
		if got := nextDepth(in); got != want {
			t.Errorf("after %q comes %q, want %q", in, got, want)
		}
	}
}

// Entering an environment may take 3 ms in all, so reading and applying one may take hardly any.
func BenchmarkLoadApply(b *testing.B) {
	e := newEnvironment([]Tool{{Name: "go", Version: "1.22.6", Layout: release.Layout{
		Dirs: []string{"bin"}, Set: map[string]string{"GOTOOLCHAIN": "local"}, Unset: []string{"GOROOT", "GOTOOLDIR"}}}})
	dir := b.TempDir()
	writeEnvironment(b, dir, e)
	environ := make([]string, 60)
	for i := range environ {
		environ[i] = "VARIABLE" + string(rune('A'+i)) + "=value"
	}
	for b.Loop() {
		loaded, err := Load(dir)
		if err != nil {
			b.Fatal(err)
		}
		loaded.Apply(dir, environ)
	}
}
