// Package loader says whether a program could be started on a machine, without starting it.
//
// For an ELF program it looks for what the kernel and the dynamic loader look for: a processor that runs it, the
// interpreter that it names, every library that it needs, and in each of these the symbol versions (GLIBC_2.34,
// GLIBCXX_3.4.30) that it was linked against. Libraries of the program's own tree are looked into as well. For a
// script it looks for the interpreter of its first line.
//
// It promises to name what is missing in the words that the loader itself would use, so that people find them again. What it
// does not promise: that a program without faults starts. It reads no /etc/ld.so.cache, only what that is made of, and it
// knows no preloaded libraries. Programs of other formats than ELF and scripts have no faults.
package loader

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Host is the machine on which programs are to run.
type Host struct {
	Arch        string   // in Go's words: amd64
	LibraryPath string   // LD_LIBRARY_PATH
	Root        string   // what stands for "/": "" outside of tests
	Libraries   []string // directories that the loader searches after those that a program names; nil: Directories' answer
}

// Kind says which part of starting a program a Fault is about.
type Kind string

// The kinds of faults.
const (
	Architecture Kind = "architecture" // the processor does not run it
	Interpreter  Kind = "interpreter"  // the dynamic loader, or the interpreter of a script, is not there
	Library      Kind = "library"      // a library is not there
	SymbolSet    Kind = "version"      // a library is older than the one that the program was linked against
)

// Fault is one reason why a program would not start.
type Fault struct {
	Kind Kind
	Name string // of what is missing: a path, a library, a version
	In   string // the library that lacks a version; else ""
	Has  string // the newest version of the same kind that In has; for Architecture, the one of this machine
	By   string // which file needs it
}

// maxFiles bounds how many libraries of its own a program may bring.
const maxFiles = 200

// Check returns why the program at path would not start; nil when nothing is known against it. tree is the directory whose libraries are the
// program's own. The error is one of reading path.
func (h Host) Check(path, tree string) ([]Fault, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	start := make([]byte, 256)
	n, err := io.ReadFull(f, start)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch start = start[:n]; {
	case bytes.HasPrefix(start, []byte("#!")):
		return h.script(path, start), nil
	case bytes.HasPrefix(start, []byte(elf.ELFMAG)):
		return h.elf(path, tree)
	}
	return nil, nil
}

// script looks for the interpreter in the first line of a script.
func (h Host) script(path string, start []byte) []Fault {
	line, _, _ := strings.Cut(string(start[2:]), "\n")
	words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(words) == 0 || !filepath.IsAbs(words[0]) || h.exists(words[0]) {
		return nil
	}
	return []Fault{{Kind: Interpreter, Name: words[0], By: path}}
}

func (h Host) exists(path string) bool {
	_, err := os.Stat(filepath.Join(h.Root, path))
	return err == nil
}

// elf checks a program and those of its libraries that are in its own tree.
func (h Host) elf(path, tree string) ([]Fault, error) {
	o, err := readObject(path)
	if err != nil {
		return nil, err
	}
	if fault, ok := h.foreign(o); ok {
		return []Fault{fault}, nil
	}
	if o.interpreter == "" { // static
		return nil, nil
	}
	if !h.exists(o.interpreter) {
		return []Fault{{Kind: Interpreter, Name: o.interpreter, By: path}}, nil
	}
	var faults []Fault
	queue, seen := []object{o}, map[string]bool{path: true}
	for i := 0; i < len(queue) && i < maxFiles; i++ {
		missing, found := h.needs(queue[i], o)
		faults = append(faults, missing...)
		for _, lib := range found {
			if !seen[lib.path] && inside(lib.path, tree) {
				seen[lib.path] = true
				queue = append(queue, lib)
			}
		}
	}
	return faults, nil
}

func inside(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return dir != "" && err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// needs looks for the libraries of o, which program brought about, and for the versions that it wants of them.
func (h Host) needs(o, program object) (faults []Fault, found []object) {
	for _, name := range o.needed {
		if strings.Contains(name, "ld-linux") || strings.Contains(name, "ld-musl") {
			continue // the interpreter itself, which is there
		}
		lib, ok := h.find(name, o, program)
		if !ok {
			faults = append(faults, Fault{Kind: Library, Name: name, By: o.path})
			continue
		}
		found = append(found, lib)
		if len(lib.defines) == 0 { // it has no versions, as in musl, whose loader does not ask for any either
			continue
		}
		for _, version := range o.versions[name] {
			if !slices.Contains(lib.defines, version) {
				faults = append(faults, Fault{SymbolSet, version, lib.path, newest(lib.defines, version), o.path})
			}
		}
	}
	return faults, found
}

// find looks for a library where the loader does. One for another processor is passed over.
func (h Host) find(name string, o, program object) (object, bool) {
	if strings.Contains(name, "/") {
		lib, err := readObject(filepath.Join(h.Root, name))
		return lib, err == nil
	}
	dirs := slices.Concat(o.paths, program.paths)
	for dir := range strings.FieldsFuncSeq(h.LibraryPath, func(r rune) bool { return r == ':' || r == ';' }) {
		dirs = append(dirs, dir)
	}
	for _, dir := range h.libraries() {
		dirs = append(dirs, filepath.Join(h.Root, dir))
	}
	for _, dir := range dirs {
		lib, err := readObject(filepath.Join(dir, name))
		if err == nil && lib.machine == program.machine && lib.class == program.class {
			return lib, true
		}
	}
	return object{}, false
}

func (h Host) libraries() []string {
	if h.Libraries != nil {
		return h.Libraries
	}
	return h.Directories()
}

// object is what matters of an ELF file.
type object struct {
	path        string
	machine     elf.Machine
	class       elf.Class
	interpreter string
	needed      []string
	paths       []string            // where it says that its libraries are
	versions    map[string][]string // that it wants, by library
	defines     []string            // versions that it has
}

// readObject reads path. What a damaged file says is an error, never a fault of the machine.
func readObject(path string) (object, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() { // a pipe would wait for a writer
		return object{}, errors.Join(err, fs.ErrInvalid)
	}
	f, err := elf.Open(path)
	if err != nil {
		return object{}, err
	}
	defer f.Close()
	o := object{path: path, machine: f.Machine, class: f.Class, versions: map[string][]string{}}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP && p.Filesz < 4096 {
			data, err := io.ReadAll(p.Open())
			if err != nil {
				return object{}, err
			}
			o.interpreter = strings.TrimRight(string(data), "\x00")
		}
	}
	o.dynamic(f)
	return o, nil
}

// dynamic reads what the dynamic section says; what it does not say is nothing, as in a static program.
func (o *object) dynamic(f *elf.File) {
	o.needed, _ = f.DynString(elf.DT_NEEDED)
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		values, _ := f.DynString(tag)
		for _, value := range values {
			for dir := range strings.SplitSeq(value, ":") {
				dir = strings.NewReplacer("${ORIGIN}", "$ORIGIN").Replace(dir)
				o.paths = append(o.paths, strings.ReplaceAll(dir, "$ORIGIN", filepath.Dir(o.path)))
			}
		}
	}
	needs, _ := f.DynamicVersionNeeds()
	for _, n := range needs {
		for _, v := range n.Needs {
			if v.Flags&elf.VER_FLG_WEAK == 0 { // without a weak one the loader only warns
				o.versions[n.Name] = append(o.versions[n.Name], v.Dep)
			}
		}
	}
	defined, _ := f.DynamicVersions()
	for _, v := range defined {
		if v.Flags&elf.VER_FLG_BASE == 0 { // that one is the library's own name
			o.defines = append(o.defines, v.Name)
		}
	}
}
