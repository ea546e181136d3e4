package loader

import (
	"bufio"
	"cmp"
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// machines are the processors by Go's names for them.
var machines = map[string]elf.Machine{
	"386": elf.EM_386, "amd64": elf.EM_X86_64, "arm": elf.EM_ARM, "arm64": elf.EM_AARCH64, "loong64": elf.EM_LOONGARCH,
	"mips": elf.EM_MIPS, "mipsle": elf.EM_MIPS, "mips64": elf.EM_MIPS, "mips64le": elf.EM_MIPS,
	"ppc64": elf.EM_PPC64, "ppc64le": elf.EM_PPC64, "riscv64": elf.EM_RISCV, "s390x": elf.EM_S390,
}

// foreign reports whether this machine's processor does not run o, and no emulator is registered for it.
func (h Host) foreign(o object) (Fault, bool) {
	own, known := machines[h.Arch]
	switch {
	case !known, o.machine == own:
		return Fault{}, false
	case own == elf.EM_X86_64 && o.machine == elf.EM_386, own == elf.EM_AARCH64 && o.machine == elf.EM_ARM:
		return Fault{}, false
	}
	name := strings.TrimPrefix(o.machine.String(), "EM_")
	for arch, m := range machines {
		if m == o.machine && !strings.HasPrefix(arch, "mips") && arch != "ppc64" {
			name = arch
		}
	}
	if h.emulates(o.machine) {
		return Fault{}, false
	}
	return Fault{Kind: Architecture, Name: name, Has: h.Arch, By: o.path}, true
}

// emulators are the names under which the processors of the emulator QEMU are registered with the kernel.
var emulators = map[elf.Machine]string{
	elf.EM_X86_64: "qemu-x86_64", elf.EM_386: "qemu-i386", elf.EM_AARCH64: "qemu-aarch64", elf.EM_ARM: "qemu-arm",
	elf.EM_RISCV: "qemu-riscv64", elf.EM_PPC64: "qemu-ppc64le", elf.EM_S390: "qemu-s390x",
}

// emulates reports whether the kernel gives programs of a processor to an emulator. Rosetta for Linux registers itself for amd64.
func (h Host) emulates(m elf.Machine) bool {
	const registered = "/proc/sys/fs/binfmt_misc"
	names := []string{emulators[m]}
	if m == elf.EM_X86_64 {
		names = append(names, "rosetta", "FEX-x86_64", "box64")
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(h.Root, registered, name))
		if err == nil && strings.HasPrefix(string(data), "enabled") {
			return true
		}
	}
	return false
}

// Musl reports whether the C library of the machine is musl, and not glibc.
func (h Host) Musl() bool {
	found, _ := filepath.Glob(filepath.Join(h.Root, "/lib/ld-musl-*.so.1")) // the pattern is a good one
	return len(found) > 0 && h.Libc() == ""
}

// Libc returns the version of glibc on the machine, such as "2.36", "" where there is none.
func (h Host) Libc() string {
	for _, dir := range h.libraries() {
		lib, err := readObject(filepath.Join(h.Root, dir, "libc.so.6"))
		if err == nil && lib.machine == machines[h.Arch] {
			return strings.TrimPrefix(newest(lib.defines, "GLIBC_2"), "GLIBC_")
		}
	}
	return ""
}

// Directories returns where the dynamic loader searches, as far as the machine's files say: what /etc/ld.so.conf lists, then the
// directories that distributions build in.
func (h Host) Directories() []string {
	dirs := h.conf("/etc/ld.so.conf", 0)
	for _, pattern := range []string{"/etc/ld-musl-*.path"} {
		files, _ := filepath.Glob(filepath.Join(h.Root, pattern)) // the pattern is a good one
		for _, file := range files {
			data, _ := os.ReadFile(file) // best effort: a list that cannot be read says nothing
			dirs = append(dirs, strings.FieldsFunc(string(data), func(r rune) bool { return r == ':' || r == '\n' })...)
		}
	}
	for _, pattern := range []string{"/lib/*-linux-*", "/usr/lib/*-linux-*"} {
		multi, _ := filepath.Glob(filepath.Join(h.Root, pattern)) // the pattern is a good one
		for _, dir := range multi {
			dirs = append(dirs, strings.TrimPrefix(dir, h.Root))
		}
	}
	dirs = append(dirs, "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib")
	return dirs
}

// conf reads a file of the kind of ld.so.conf, with the files that it includes.
func (h Host) conf(path string, depth int) []string {
	f, err := os.Open(filepath.Join(h.Root, path))
	if err != nil || depth > 5 {
		return nil // a machine without one, as with musl
	}
	defer f.Close()
	var dirs []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "include":
			pattern := words[1]
			if !filepath.IsAbs(pattern) {
				pattern = filepath.Join(filepath.Dir(path), pattern)
			}
			files, _ := filepath.Glob(filepath.Join(h.Root, pattern)) // a bad pattern includes nothing
			for _, file := range files {
				dirs = append(dirs, h.conf(strings.TrimPrefix(file, h.Root), depth+1)...)
			}
		case len(words) == 1 && filepath.IsAbs(words[0]):
			dirs = append(dirs, words[0])
		}
	}
	return dirs
}

// newest returns the highest of the versions that have the same letters before their digits as like.
func newest(versions []string, like string) string {
	kind, _, _ := strings.Cut(like, "_")
	best := ""
	for _, v := range versions {
		if k, _, _ := strings.Cut(v, "_"); k != kind || numbers(v) == nil {
			continue
		}
		if best == "" || slices.Compare(numbers(v), numbers(best)) > 0 {
			best = v
		}
	}
	return best
}

// numbers returns the numbers of a version such as GLIBC_2.34, nil for one without, such as GLIBC_PRIVATE.
func numbers(version string) []int {
	_, digits, _ := strings.Cut(version, "_")
	var list []int
	for part := range strings.SplitSeq(digits, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		list = append(list, n)
	}
	return list
}

// Highest returns the highest of the versions that faults name, "" without any: what the machine would have to have.
func Highest(faults []Fault) string {
	var names []string
	for _, f := range faults {
		if f.Kind == SymbolSet {
			names = append(names, f.Name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(slices.Compare(numbers(a), numbers(b)), cmp.Compare(a, b)) })
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1]
}
