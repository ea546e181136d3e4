package loader

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gostore/tests/program"
)

const interpreter = "/lib64/ld-linux-x86-64.so.2"

// glibc is a machine with glibc 2.31 on amd64.
func glibc(t *testing.T) Host {
	t.Helper()
	h := Host{Arch: "amd64", Root: t.TempDir()}
	write(t, filepath.Join(h.Root, interpreter), program.Program{})
	write(t, filepath.Join(h.Root, "/usr/lib/x86_64-linux-gnu/libc.so.6"),
		program.Program{Has: []string{"GLIBC_2.2.5", "GLIBC_2.9", "GLIBC_2.31", "GLIBC_PRIVATE"}})
	return h
}

func write(t *testing.T, path string, p program.Program) {
	t.Helper()
	if err := p.Write(path); err != nil {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	libc := func(versions ...string) map[string][]string { return map[string][]string{"libc.so.6": versions} }
	for _, c := range []struct {
		name string
		p    program.Program
		want []Fault // without By, and with the last names of paths only
	}{
		{"static", program.Program{}, nil},
		{"fine", program.Program{Interpreter: interpreter, Needs: []string{"libc.so.6", "ld-linux-x86-64.so.2"}, Wants: libc("GLIBC_2.2.5", "GLIBC_2.31")}, nil},
		{"too new", program.Program{Interpreter: interpreter, Needs: []string{"libc.so.6"}, Wants: libc("GLIBC_2.9", "GLIBC_2.34", "GLIBC_2.38")},
			[]Fault{{SymbolSet, "GLIBC_2.34", "libc.so.6", "GLIBC_2.31", ""}, {SymbolSet, "GLIBC_2.38", "libc.so.6", "GLIBC_2.31", ""}}},
		{"musl's", program.Program{Interpreter: "/lib/ld-musl-x86_64.so.1"}, []Fault{{Kind: Interpreter, Name: "ld-musl-x86_64.so.1"}}},
		{"library", program.Program{Interpreter: interpreter, Needs: []string{"libatomic.so.1", "libc.so.6"}}, []Fault{{Kind: Library, Name: "libatomic.so.1"}}},
		{"arm64", program.Program{Machine: elf.EM_AARCH64, Interpreter: "/lib/ld-linux-aarch64.so.1"}, []Fault{{Kind: Architecture, Name: "arm64", Has: "amd64"}}},
		{"386", program.Program{Machine: elf.EM_386}, nil},
	} {
		h := glibc(t)
		path := filepath.Join(t.TempDir(), "tool")
		write(t, path, c.p)
		if got := short(check(t, h, path, "")); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func check(t *testing.T, h Host, path, tree string) []Fault {
	t.Helper()
	faults, err := h.Check(path, tree)
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

// short leaves of faults what does not depend on where the test's directories are.
func short(faults []Fault) []Fault {
	var list []Fault
	for _, f := range faults {
		if f.Kind != Architecture {
			f.Name = filepath.Base(f.Name)
		}
		if f.In != "" {
			f.In = filepath.Base(f.In)
		}
		f.By = ""
		list = append(list, f)
	}
	return list
}

// TestOwnLibraries has a program whose library lies beside it, and needs more than the machine has.
func TestOwnLibraries(t *testing.T) {
	h := glibc(t)
	tree := t.TempDir()
	write(t, filepath.Join(tree, "bin/tool"), program.Program{Interpreter: interpreter, Needs: []string{"libown.so"}, RunPath: "/missing:${ORIGIN}/../lib"})
	write(t, filepath.Join(tree, "lib/libown.so"), program.Program{Needs: []string{"libc.so.6"}, Wants: map[string][]string{"libc.so.6": {"GLIBC_2.34"}}})
	got := check(t, h, filepath.Join(tree, "bin/tool"), tree)
	if len(got) != 1 || got[0].Name != "GLIBC_2.34" || got[0].By != filepath.Join(tree, "lib/libown.so") {
		t.Errorf("got %+v", got)
	}
	if Highest(got) != "GLIBC_2.34" || Highest(nil) != "" {
		t.Errorf("highest: %q", Highest(got))
	}
	h.LibraryPath = filepath.Join(tree, "lib")
	write(t, filepath.Join(tree, "bin/tool"), program.Program{Interpreter: interpreter, Needs: []string{"libown.so"}})
	if got := check(t, h, filepath.Join(tree, "bin/tool"), ""); got != nil {
		t.Errorf("LD_LIBRARY_PATH: %+v", got)
	}
}

// TestOtherProcessorsLibraries has a library for another processor before the right one.
func TestOtherProcessorsLibraries(t *testing.T) {
	h := glibc(t)
	write(t, filepath.Join(h.Root, "opt/arm/libc.so.6"), program.Program{Machine: elf.EM_AARCH64, Has: []string{"GLIBC_2.17"}})
	conf(t, h, "ld.so.conf", "include ld.so.conf.d/*.conf\n# /comment\n")
	conf(t, h, "ld.so.conf.d/arm.conf", "/opt/arm # cross\n")
	path := filepath.Join(t.TempDir(), "tool")
	write(t, path, program.Program{Interpreter: interpreter, Needs: []string{"libc.so.6"}, Wants: map[string][]string{"libc.so.6": {"GLIBC_2.31"}}})
	if got := check(t, h, path, ""); got != nil {
		t.Errorf("got %+v", got)
	}
	if dirs := h.Directories(); dirs[0] != "/opt/arm" {
		t.Errorf("directories: %q", dirs)
	}
}

func conf(t *testing.T, h Host, name, text string) {
	t.Helper()
	path := filepath.Join(h.Root, "etc", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestMusl(t *testing.T) {
	h := Host{Arch: "amd64", Root: t.TempDir()}
	write(t, filepath.Join(h.Root, "/lib/ld-musl-x86_64.so.1"), program.Program{})
	if !h.Musl() || glibc(t).Musl() {
		t.Error("musl is the one with ld-musl")
	}
	path := filepath.Join(t.TempDir(), "tool")
	write(t, path, program.Program{Interpreter: interpreter})
	if got := short(check(t, h, path, "")); !slices.Equal(got, []Fault{{Kind: Interpreter, Name: "ld-linux-x86-64.so.2"}}) {
		t.Errorf("got %+v", got)
	}
	// With a layer of compatibility there is such an interpreter, and a libc that has no versions.
	write(t, filepath.Join(h.Root, interpreter), program.Program{})
	write(t, filepath.Join(h.Root, "/lib/libc.so.6"), program.Program{})
	write(t, path, program.Program{Interpreter: interpreter, Needs: []string{"libc.so.6"}, Wants: map[string][]string{"libc.so.6": {"GLIBC_2.34"}}})
	if got := check(t, h, path, ""); got != nil {
		t.Errorf("got %+v", got)
	}
	if v := glibc(t).Libc(); v != "2.31" {
		t.Errorf("glibc %q", v)
	}
}

func TestEmulator(t *testing.T) {
	h := glibc(t)
	path := filepath.Join(t.TempDir(), "tool")
	write(t, path, program.Program{Machine: elf.EM_AARCH64})
	conf(t, h, "../proc/sys/fs/binfmt_misc/qemu-aarch64", "enabled\ninterpreter /usr/bin/qemu-aarch64-static\n")
	if got := check(t, h, path, ""); got != nil {
		t.Errorf("emulated: %+v", got)
	}
	conf(t, h, "../proc/sys/fs/binfmt_misc/qemu-aarch64", "disabled\n")
	if got := check(t, h, path, ""); len(got) != 1 {
		t.Errorf("not emulated: %+v", got)
	}
}

func TestScript(t *testing.T) {
	h := glibc(t)
	write(t, filepath.Join(h.Root, "/bin/sh"), program.Program{})
	for line, want := range map[string]string{
		"#!/bin/sh":                  "",
		"#! /bin/sh -e":              "",
		"#!/usr/local/bin/python2 -": "/usr/local/bin/python2",
		"#!/bin/sh\r":                "/bin/sh\r", // saved with the line ends of Windows
		"#!relative":                 "",
		"#!":                         "",
		"no script":                  "",
		"":                           "",
	} {
		path := filepath.Join(t.TempDir(), "tool")
		if err := os.WriteFile(path, []byte(line+"\necho\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range check(t, h, path, "") {
			got = f.Name
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
	if _, err := h.Check(filepath.Join(t.TempDir(), "missing"), ""); err == nil {
		t.Error("what is not there has no faults")
	}
}

// TestThisMachine checks programs that do start here.
func TestThisMachine(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the programs of this system are no ELF files")
	}
	h := Host{Arch: runtime.GOARCH}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	programs := []string{self}
	for _, name := range []string{"sh", "ls", "git", "node", "python3", "cc"} {
		if path, err := exec.LookPath(name); err == nil {
			programs = append(programs, path)
		}
	}
	for _, path := range programs {
		if got := check(t, h, path, ""); got != nil {
			t.Errorf("%s starts, and yet: %+v", path, got)
		}
	}
	// The same machine with an older libc, for a program that needs one.
	old := Host{Arch: runtime.GOARCH, Libraries: []string{t.TempDir()}}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	if o, err := readObject(sh); err == nil && slices.ContainsFunc(o.needed, func(n string) bool { return strings.HasPrefix(n, "libc.") }) {
		if got := check(t, old, sh, ""); len(got) == 0 || got[0].Kind != Library {
			t.Errorf("without a libc: %+v", got)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(program.Program{}.Bytes())
	f.Add(program.Program{Interpreter: interpreter, Needs: []string{"libc.so.6"}, Has: []string{"A_1"},
		Wants: map[string][]string{"libc.so.6": {"GLIBC_2.34"}}, RunPath: "$ORIGIN"}.Bytes())
	f.Add([]byte("#!/bin/sh\n"))
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "tool")
		if err := os.WriteFile(path, data, 0o755); err != nil {
			t.Fatal(err)
		}
		faults, err := Host{Arch: "amd64", Root: dir, Libraries: []string{"/"}}.Check(path, dir)
		if err != nil && faults != nil {
			t.Errorf("both %v and %v", faults, err)
		}
	})
}
