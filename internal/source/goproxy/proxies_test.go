package goproxy

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gostore/internal/fetch"
	"gostore/internal/goenv"
	"gostore/tests/upstream"
)

func TestParseProxies(t *testing.T) {
	for value, want := range map[string]string{
		"":                           "",
		"https://a/":                 "https://a,",
		"https://a,https://b|direct": "https://a, https://b| direct",
		" a.example , off,https://c": "https://a.example, off",
		"file:///srv/m|http://b":     "file:///srv/m| http://b,",
		",|,":                        "",
		"https://me:pw@a/x":          "https://me:pw@a/x,",
	} {
		l, err := parseProxies(value)
		var got []string
		for _, p := range l.proxies {
			sep := ","
			if p.anyway {
				sep = "|"
			}
			got = append(got, p.base+sep)
		}
		if l.end != "" {
			got = append(got, l.end)
		}
		if s := strings.Join(got, " "); err != nil || s != want {
			t.Errorf("%q: %q, %v; want %q", value, s, err, want)
		}
	}
	for _, value := range []string{"nonsense", "/abs", "ftp://a", "https://", "https://a?q", "file://host/x", "file://", "https://me:secret@a:b:c/"} {
		if _, err := parseProxies(value); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// Which proxies are asked, as the go command would.
func TestFallThrough(t *testing.T) {
	missing, broken := fs.ErrNotExist, errors.New("broken")
	for _, tt := range []struct {
		value string
		errs  []error
		want  error
	}{
		{"a.x,b.x", []error{nil}, nil},
		{"a.x,b.x", []error{missing, nil}, nil},
		{"a.x,b.x", []error{broken}, broken},
		{"a.x|b.x", []error{broken, nil}, nil},
		{"a.x|b.x", []error{broken, missing}, broken},
		{"a.x|b.x", []error{missing, broken}, broken},
		{"a.x,b.x|c.x", []error{missing, missing, missing}, missing},
		{"a.x,direct", []error{missing}, missing},
	} {
		l, err := parseProxies(tt.value)
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		got := l.try(func(string) error { asked++; return tt.errs[asked-1] })
		if got != tt.want || asked != len(tt.errs) {
			t.Errorf("%s with %v: %v after asking %d", tt.value, tt.errs, got, asked)
		}
	}
}

func TestNoProxy(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	a := f.mustResolve("1.22.6", linux).Archives[linux]
	for _, value := range []string{"", "off", "direct", ",", "direct," + f.URL} {
		s := f.source(value, t.TempDir())
		_, versionsErr := s.Versions(t.Context())
		_, fetchErr := f.fetch(s, "1.22.6", a)
		for _, err := range []error{versionsErr, fetchErr} {
			var none *NoProxyError
			if !errors.As(err, &none) || err.Error() == "" {
				t.Errorf("%q: %v", value, err)
			}
		}
	}
}

func TestProxiesInOrder(t *testing.T) {
	f := newFixture(t, upstream.Config{})
	empty := upstream.Start(t, upstream.Config{Versions: []string{"1.20"}, Unlisted: []string{}})
	empty.Fault(upstream.Fault{Path: "/sumdb/", Status: 404})
	s := f.source(empty.URL+","+f.URL, t.TempDir())
	f.Source = s
	a := f.mustResolve("1.22.6").Archives[linux]
	if file, err := f.fetch(s, "1.22.6", a); err != nil {
		t.Errorf("%q, %v", file, err)
	}
	if n, _ := empty.Count(".zip"); n == 0 {
		t.Error("the first proxy was not asked")
	}
	empty.Fault(upstream.Fault{Path: ".zip", Status: 403})
	empty.ClearFaults()
	empty.Fault(upstream.Fault{Status: 403})
	var status *fetch.StatusError
	if _, err := f.fetch(s, "1.22.6", a); !errors.As(err, &status) || status.Code != 403 {
		t.Errorf("behind a comma after 403: %v", err)
	}
	if _, err := f.fetch(f.source(empty.URL+"|"+f.URL, t.TempDir()), "1.22.6", a); err != nil {
		t.Errorf("behind a bar after 403: %v", err)
	}
}

func TestProxyFromEnvironment(t *testing.T) {
	home, bin, goroot := t.TempDir(), t.TempDir(), t.TempDir()
	write := func(path, text string, perm os.FileMode) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), perm); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := map[string]string{"PATH": bin, "HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, "config")}
	check := func(want, origin string) {
		t.Helper()
		value, from, err := ProxyFromEnvironment(t.Context(), func(name string) string { return env[name] })
		if value != want || from != origin || (err != nil) != (want == "") {
			t.Errorf("%q from %q, %v; want %q from %q", value, from, err, want, origin)
		}
	}
	check("", "")
	if _, _, err := ProxyFromEnvironment(t.Context(), func(string) string { return "" }); !errors.As(err, new(*NoProxyError)) {
		t.Errorf("error is %v, want a NoProxyError", err)
	}
	old := write(filepath.Join(goroot, "bin/go"), "#!/bin/sh\necho \"https://$1-$2.$GOTOOLCHAIN\"\n", 0o755)
	if err := os.Symlink(old, filepath.Join(bin, "go")); err != nil {
		t.Fatal(err)
	}
	check("https://env-GOPROXY.local", "go env GOPROXY of "+filepath.Join(bin, "go"))
	file := write(filepath.Join(goroot, "go.env"), "# GOPROXY=https://no\nGOPROXY=https://root,direct\nGOSUMDB=x\n", 0o644)
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	check("https://root,direct", "file "+file)
	env["GOENV"] = write(filepath.Join(home, "mine"), "GOPROXY=https://user\n", 0o644)
	check("https://user", "file "+env["GOENV"])
	env["GOENV"] = "off"
	check("https://root,direct", "file "+file)
	env["GOPROXY"] = "https://env"
	check("https://env", "environment variable GOPROXY")
}

func TestUserGoEnvFile(t *testing.T) {
	env := map[string]string{"HOME": "/h"}
	getenv := func(name string) string { return env[name] }
	if got := goenv.Path(runtime.GOOS, getenv); !strings.HasPrefix(got, "/h/") || !strings.HasSuffix(got, "/go/env") {
		t.Errorf("below HOME: %q", got)
	}
	env = nil
	if got := goenv.Path(runtime.GOOS, getenv); got != "" {
		t.Errorf("without HOME: %q", got)
	}
}
