package fetch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/textfile"
)

func TestParseNetrc(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       []Machine
	}{
		{"nothing", "", nil},
		{"one line", "machine a login b password c", []Machine{{"a", "b", "c"}}},
		{"one word a line", "machine\n a\r\nlogin\tb\n\npassword c\n", []Machine{{"a", "b", "c"}}},
		{"several", "machine a login b password c machine d password e", []Machine{{"a", "b", "c"}, {"d", "", "e"}}},
		{"account", "machine a account x login b password c", []Machine{{"a", "b", "c"}}},
		{"quoted", `machine a login "b c" password "d\"\\\n\r\t\x e"`, []Machine{{"a", "b c", "d\"\\\n\r\tx e"}}},
		{"quote inside", `machine a login b"c password d\n`, []Machine{{"a", `b"c`, `d\n`}}},
		{"comments", "# machine x\nmachine a # login y\n#\nlogin #b password c#d", []Machine{{"a", "#b", "c#d"}}},
		{"keyword as a value", "machine login login password password machine", []Machine{{"login", "password", "machine"}}},
		{"default", "machine a login b password c default login x password y account z", []Machine{{"a", "b", "c"}}},
		{"macro", "macdef init\ncd /pub\nmachine no\n\nmachine a login b password c", []Machine{{"a", "b", "c"}}},
		{"macro in a machine", "machine a login b\nmacdef m\r\n bin\r\n\r\n password c", []Machine{{"a", "b", "c"}}},
		{"macro without lines", "macdef m\n\nmachine a", []Machine{{Name: "a"}}},
		{"macro up to the end", "machine a macdef m\npassword c", []Machine{{Name: "a"}}},
	} {
		n, err := ParseNetrc("netrc", []byte(tt.data))
		if diff := cmp.Diff(tt.want, n.Machines); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
	}
}

func TestParseNetrcComplaints(t *testing.T) {
	for _, tt := range []struct{ data, want string }{
		{"machine", `:1:8: the file ends after "machine": its value is missing`},
		{"machine a\nlogin b password\n", `:3:1: the file ends after "password": its value is missing`},
		{"login b", `:1:1: "login" before any "machine"`},
		{"machine a login b\n  login c", `:2:3: a second "login" for one machine`},
		{"machine https://a/ login b", `:1:1: "machine": want the name of a host, not a URL`},
		{`machine "" login b`, `:1:1: "machine": want the name of a host, not a URL`},
		{"default login b\nmachine c", `:2:1: a "machine" after "default", which must be the last`},
		{"default default", `:1:9: a second "default"`},
		{"default login a login b", `:1:17: a second "login" for one machine`},
		{"machine a login b password my secret", `:1:31: unknown word`},
		{"machine a password \"secret\nlogin b", `:1:20: a quoted value does not end in its line`},
		{`machine a password "secret\`, `:1:20: a quoted value does not end in its line`},
		{"machine a secret\nsecret b", `:2:1: unknown word`},
		{"macdef", `:1:7: the file ends after "macdef"`},
	} {
		_, err := ParseNetrc("netrc", []byte(tt.data))
		var list textfile.ErrorList
		if !errors.As(err, &list) || !strings.Contains(err.Error(), "netrc"+tt.want) {
			t.Errorf("%q: %v, want %s", tt.data, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the complaint shows what may be a password: %v", tt.data, err)
		}
	}
}

func TestNetrcLookup(t *testing.T) {
	n, err := ParseNetrc("netrc", []byte(`machine a login only
		machine A login one password 1
		machine a login two password 2
		machine b:8443 login port password 3
		machine b login any password 4
		machine ::1 login six password 6
		default login d password d`))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"a": "one 1", "a:443": "one 1", "b": "any 4", "b:8443": "port 3", "b:1": "any 4", "[::1]:80": "six 6", "sub.a": "", "c": "", "": "",
	} {
		user, password, ok := n.Lookup(host)
		if got := strings.TrimSpace(user + " " + password); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", host, got, ok, want)
		}
	}
}

func TestReadNetrc(t *testing.T) {
	path := filepath.Join(t.TempDir(), "netrc")
	if _, err := ReadNetrc(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if n, err := ReadNetrc(os.DevNull); err != nil || len(n.Machines) != 0 {
		t.Errorf("the null device: %v, %v", n, err)
	}
	if _, err := ReadNetrc(filepath.Dir(path)); err == nil {
		t.Error("a directory is read")
	}
	for _, tt := range []struct {
		data    string
		mode    fs.FileMode
		exposed bool
	}{
		{"machine a login b password c", 0o600, false},
		{"machine a login b password c", 0o640, true},
		{"machine a login b password c", 0o604, true},
		{"machine a login b", 0o644, false},
	} {
		if err := os.WriteFile(path, []byte(tt.data), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		if n, err := ReadNetrc(path); err != nil || n.Exposed != tt.exposed || len(n.Machines) != 1 {
			t.Errorf("%q with mode %v: %v, %v", tt.data, tt.mode, n, err)
		}
	}
}

// FuzzNetrc holds that whatever is read can be written and read again, that complaints are about places in the file, and
// that they do not grow with it without bound.
func FuzzNetrc(f *testing.F) {
	f.Add("machine a login b password \"c d\" # e\ndefault login x\nmacdef m\n\n")
	f.Add("machine\r\n\"a\\t\" password \"\\")
	f.Fuzz(func(t *testing.T, data string) {
		n, err := ParseNetrc("netrc", []byte(data))
		var list textfile.ErrorList
		if errors.As(err, &list) {
			for _, e := range list {
				lines := strings.SplitAfter(data, "\n")
				if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > len(lines[e.Line-1])+1 {
					t.Errorf("%q: a complaint about no place in the file: %v", data, e)
				}
			}
			return
		}
		var b strings.Builder
		for _, m := range n.Machines {
			b.WriteString("machine " + quoteNetrc(m.Name) + " login " + quoteNetrc(m.Login) + " password " + quoteNetrc(m.Password) + "\n")
		}
		again, err := ParseNetrc("again", []byte(b.String()))
		if diff := cmp.Diff(n, again); diff != "" || err != nil {
			t.Errorf("%q is written %q: %v\n%s", data, b.String(), err, diff)
		}
	})
}

func quoteNetrc(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

func TestQuoteNetrc(t *testing.T) {
	s := "a\"\\\n b"
	if got, size, err := unquoteNetrc(quoteNetrc(s)); got != s || err != nil || size != len(quoteNetrc(s)) {
		t.Error(strconv.Quote(got), size, err)
	}
}
