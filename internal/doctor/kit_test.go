package doctor

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gostore/internal/loader"
	"gostore/profile"
	"gostore/store"
)

// kit is a machine on which all is well, to be broken by a test.
type kit struct {
	t *testing.T
	*Host
	top    string // directory of everything
	object string // the directory of go 1.26.8 in the store
}

const (
	goodVersion = "1.26.8"
	oldVersion  = "1.19.8"
)

// newKit makes a machine with a home, a store with Go in it, a profile that is first on PATH, and another Go after it.
func newKit(t *testing.T) *kit {
	t.Helper()
	top := t.TempDir()
	k := &kit{t: t, top: top}
	t.Cleanup(func() {
		filepath.WalkDir(top, func(path string, e os.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				os.Chmod(path, 0o755)
			}
			return nil
		})
	})
	root := filepath.Join(top, "root")
	st, err := store.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	k.object = addGo(t, st)
	bin := filepath.Join(root, "profiles", "default", "current", "bin")
	k.mkdir(bin)
	k.link(filepath.Join(k.object, "bin", "go"), filepath.Join(bin, "go"))
	k.mkdir(k.at("home"))
	k.mkdir(k.at("etc"))
	k.mkdir(k.at("tmp"))
	k.write(k.at("etc/ssl/certs/ca-certificates.crt"), "")
	k.script(k.at("usr/go/bin/go"), "echo old")
	k.write(k.at("usr/go/VERSION"), "go"+oldVersion+"\n")
	k.Host = &Host{
		Environ: []string{"HOME=" + k.at("home"), "PATH=" + bin + ":" + k.at("usr/go/bin"), "SHELL=/bin/bash", "TMPDIR=" + k.at("tmp")},
		Etc:     k.at("etc"), Dir: k.at("home"), UID: os.Getuid(), Umask: 0o022, Now: time.Now(), Version: "1.0.0", Self: k.at("gostore"),
		Loader: loader.Host{Arch: "amd64", Root: k.at("sys")},
		Mounts: []byte("/dev/sda1 / ext4 rw,relatime 0 0\n"),
		Statfs: func(string) (Filesystem, error) {
			return Filesystem{Type: 0xef53, Size: 100 << 30, Free: 50 << 30, Inodes: 6e6, FreeNodes: 5e6, Device: 1}, nil
		},
		Lock:       func(string) error { return nil },
		Dial:       func(context.Context, string) error { return nil },
		ServerDate: func(context.Context, string) (time.Time, error) { return time.Now(), nil },
		Run: func(context.Context, time.Duration, []string, ...string) (Output, error) {
			return Output{Stdout: answerMark + bin + ":/usr/bin\n"}, nil
		},
		Root: root, Store: st,
		Wanted: []Command{
			{"go", filepath.Join(k.object, "bin", "go"), "go", goodVersion, `profile "default"`, true},
		},
		Tools:       []Tool{{Label: "go@" + goodVersion, Dir: k.object, Programs: []string{filepath.Join(k.object, "bin", "go")}}},
		Profiles:    []ProfileState{{Name: "default", Bin: bin, Current: 1, Generations: []profile.Generation{{Number: 1, Made: time.Now()}}}},
		Registered:  func() []Registered { return nil },
		Kept:        func(context.Context) (Kept, error) { return Kept{}, nil },
		ModuleProxy: Upstream{Value: "https://proxy.example,direct", Origin: "a test"},
		Registry:    Upstream{Value: "https://registry.example", Origin: "a test"},
	}
	k.write(k.Self, "\x7fnot ELF")
	return k
}

// addGo puts something that looks like Go 1.26.8 into a store.
func addGo(t *testing.T, st *store.Store) string {
	t.Helper()
	lease, err := st.Add(t.Context(), store.Spec{Name: "go", Version: goodVersion}, func(g *store.Stage) error {
		for _, dir := range []string{"bin", "pkg"} {
			if err := g.Dir(dir); err != nil {
				return err
			}
		}
		if err := g.File("VERSION", false, []byte("go"+goodVersion+"\n")); err != nil {
			return err
		}
		return g.File("bin/go", true, []byte("not ELF, and no script"))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	return lease.Path()
}

// at returns a path on the machine.
func (k *kit) at(path string) string { return filepath.Join(k.top, path) }

func (k *kit) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

func (k *kit) mkdir(path string) { k.t.Helper(); k.must(os.MkdirAll(path, 0o755)) }

func (k *kit) write(path, text string) {
	k.t.Helper()
	k.mkdir(filepath.Dir(path))
	k.must(os.WriteFile(path, []byte(text), 0o644))
}

func (k *kit) script(path, text string) {
	k.t.Helper()
	k.write(path, "#!/bin/sh\n"+text+"\n")
	k.must(os.Chmod(path, 0o755))
}

func (k *kit) link(target, path string) {
	k.t.Helper()
	k.mkdir(filepath.Dir(path))
	k.must(os.Symlink(target, path))
}

// set gives a variable a value.
func (k *kit) set(name, value string) { k.Environ = append(k.Environ, name+"="+value) }

// first puts a directory first on PATH, last puts it last.
func (k *kit) first(dir string) { k.set("PATH", dir+":"+k.getenv("PATH")) }

// filesystem changes what statfs says.
func (k *kit) filesystem(change func(path string, f *Filesystem)) {
	usual := k.Statfs
	k.Statfs = func(path string) (Filesystem, error) {
		f, err := usual(path)
		change(path, &f)
		return f, err
	}
}

// testCase is a broken machine, and the one finding that it leads to.
type testCase struct {
	name     string // beside the ID, where a kind has several cases
	id       string
	severity Severity
	build    func(*kit)
	says     string // regular expression for the title and evidence
	mend     string // regular expression for the commands
}

// cases are those of all subjects.
func cases() []testCase {
	return slices.Concat(projectCases, pathCases, managerCases, variableCases, shellCases, programCases,
		diskCases, filesystemCases, networkCases, clockCases, rootCases, storeCases, layerCases, selfCases)
}

// probeOf returns the probe that has a kind.
func probeOf(t *testing.T, id string) Probe {
	t.Helper()
	for _, p := range Probes() {
		if slices.ContainsFunc(p.Kinds, func(k Kind) bool { return k.ID == id }) {
			return p
		}
	}
	t.Fatalf("no probe has the kind %q", id)
	return Probe{}
}

// TestFindings breaks a machine in each way, and looks at what its probe finds: just that.
func TestFindings(t *testing.T) {
	for _, c := range cases() {
		t.Run(strings.TrimSuffix(c.id+"/"+c.name, "/"), func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			p := probeOf(t, c.id)
			c.build(k)
			found := Examine(t.Context(), k.Host, []Probe{p})[0].Findings
			if len(found) != 1 || found[0].ID != c.id {
				t.Fatalf("want one %s, found %+v", c.id, found)
			}
			f := found[0]
			if f.Severity != c.severity {
				t.Errorf("it is a %s, want a %s", f.Severity, c.severity)
			}
			text := f.Title + "\n" + strings.Join(f.Evidence, "\n")
			if !regexp.MustCompile(c.says).MatchString(text) {
				t.Errorf("want %q in\n%s", c.says, text)
			}
			if mend := strings.Join(f.Mend, "\n"); !regexp.MustCompile(c.mend).MatchString(mend) || mend == "" {
				t.Errorf("want %q in\n%s", c.mend, mend)
			}
			if f.Subject == "" || f.Title == "" || len(f.Evidence) == 0 || strings.HasSuffix(f.Title, ".") {
				t.Errorf("subject %q, title %q, evidence %q", f.Subject, f.Title, f.Evidence)
			}
		})
	}
}

// TestHealthy looks at a machine on which all is well.
func TestHealthy(t *testing.T) {
	k := newKit(t)
	for _, r := range Examine(t.Context(), k.Host, Probes()) {
		for _, f := range r.Findings {
			t.Errorf("%s: %+v", r.Name, f)
		}
	}
}

// TestNothingKnown runs every probe on a machine of which nothing is known.
func TestNothingKnown(t *testing.T) {
	for _, r := range Examine(t.Context(), &Host{Umask: 0o022}, Probes()) {
		for _, f := range r.Findings {
			t.Errorf("%s: %+v", r.Name, f)
		}
	}
}

// TestOffline sees to it that nothing is asked of the network when nothing may be.
func TestOffline(t *testing.T) {
	k := newKit(t)
	k.Offline = true
	k.set("HTTPS_PROXY", "http://proxy.example:3128")
	k.Dial = func(_ context.Context, address string) error { t.Errorf("%s was dialled", address); return nil }
	k.ServerDate = func(_ context.Context, url string) (time.Time, error) {
		t.Errorf("%s was asked", url)
		return time.Time{}, nil
	}
	Examine(t.Context(), k.Host, Probes())
}

// TestServersAreAskedOnce sees to it that the probes share what servers say.
func TestServersAreAskedOnce(t *testing.T) {
	k := newKit(t)
	var asked atomic.Int32
	k.ServerDate = func(context.Context, string) (time.Time, error) { asked.Add(1); return k.Now, nil }
	Examine(t.Context(), k.Host, Probes())
	if n := asked.Load(); n != 2 {
		t.Errorf("two servers were asked %d times", n)
	}
}

// TestEveryKindIsTested holds the kinds that probes say they find against the cases here.
func TestEveryKindIsTested(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range cases() {
		tested[c.id] = true
	}
	seen := map[string]bool{}
	for _, p := range Probes() {
		for _, k := range p.Kinds {
			if !tested[k.ID] {
				t.Errorf("%s: nothing here leads to %s", p.Name, k.ID)
			}
			if seen[k.ID] {
				t.Errorf("%s is the name of two kinds", k.ID)
			}
			seen[k.ID] = true
		}
	}
}

func TestSelect(t *testing.T) {
	some, err := Select([]string{"store", "path"})
	if err != nil || len(some) != 2 || some[0].Name != "path" {
		t.Errorf("got %v, %v", some, err)
	}
	if _, err := Select([]string{"path", "nose"}); err == nil || err.Error() != `probe "nose" is not known` {
		t.Errorf("got %v", err)
	}
}

// TestDocument holds the table in the documentation against the kinds.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|").FindAllStringSubmatch(string(data), -1) {
		rows[m[1]] = true
	}
	for _, p := range Probes() {
		if !strings.Contains(string(data), "\n## "+p.Name+"\n") {
			t.Errorf("no section about %s", p.Name)
		}
		for _, k := range p.Kinds {
			if !rows[k.ID] {
				t.Errorf("no row for %s", k.ID)
			}
			delete(rows, k.ID)
		}
	}
	for id := range rows {
		t.Errorf("a row for %s, which no probe finds", id)
	}
}

func contains(text, part string) bool { return strings.Contains(text, part) }
