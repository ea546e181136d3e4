// Package program writes small ELF files that say what a test wants them to say: for which processor they are, which
// interpreter and libraries they need, and which symbol versions they want and have. They have no code and are never started.
package program

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
)

// Program describes an ELF file of 64 bits. Whatever is empty is left out of it.
type Program struct {
	Machine     elf.Machine // EM_X86_64 where it is 0
	Interpreter string
	Needs       []string
	RunPath     string
	Wants       map[string][]string // versions by library
	Has         []string            // versions
}

// Write writes p to a file with its directories, and makes it executable.
func (p Program) Write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, p.Bytes(), 0o755)
}

// Bytes returns the file.
func (p Program) Bytes() []byte {
	w := writer{strings: []byte{0}}
	var dynamic []byte
	put := func(tag elf.DynTag, value uint32) { dynamic = pack(dynamic, uint64(tag), uint64(value)) }
	for _, name := range p.Needs {
		put(elf.DT_NEEDED, w.str(name))
	}
	if p.RunPath != "" {
		put(elf.DT_RUNPATH, w.str(p.RunPath))
	}
	put(elf.DT_NULL, 0)
	needs, count := w.needs(p.Wants)
	has := w.has(p.Has)
	w.body = make([]byte, 64+56)
	interpreter := len(w.body)
	w.body = append(w.body, p.Interpreter...)
	if p.Interpreter != "" {
		w.body = append(w.body, 0)
	}
	const strtab = 1
	w.section(elf.SHT_NULL, nil, 0, 0)
	w.section(elf.SHT_STRTAB, w.strings, 0, 0)
	w.section(elf.SHT_DYNSYM, make([]byte, 48), strtab, 1)
	w.section(elf.SHT_GNU_VERSYM, make([]byte, 4), 2, 0)
	if len(p.Needs)+len(p.Wants)+len(p.Has) > 0 || p.Interpreter != "" {
		w.section(elf.SHT_DYNAMIC, dynamic, strtab, 0)
	}
	if count > 0 {
		w.section(elf.SHT_GNU_VERNEED, needs, strtab, uint32(count))
	}
	if len(p.Has) > 0 {
		w.section(elf.SHT_GNU_VERDEF, has, strtab, uint32(len(p.Has)))
	}
	return w.finish(p, interpreter)
}

type writer struct {
	strings  []byte
	body     []byte
	headers  []byte
	sections int
}

func pack(to []byte, values ...any) []byte {
	b := bytes.NewBuffer(to)
	for _, v := range values {
		if err := binary.Write(b, binary.LittleEndian, v); err != nil {
			panic(err) // a kind of value without a size
		}
	}
	return b.Bytes()
}

// str returns where a string stands in the table of strings.
func (w *writer) str(s string) uint32 {
	at := len(w.strings)
	w.strings = append(append(w.strings, s...), 0)
	return uint32(at)
}

// needs returns the section that says which versions are wanted of which libraries.
func (w *writer) needs(wants map[string][]string) (data []byte, count int) {
	var names []string
	for name := range wants {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		versions := wants[name]
		next := uint32(16 + 16*len(versions))
		if i == len(names)-1 {
			next = 0
		}
		data = pack(data, uint16(1), uint16(len(versions)), w.str(name), uint32(16), next)
		for j, v := range versions {
			after := uint32(16)
			if j == len(versions)-1 {
				after = 0
			}
			data = pack(data, uint32(0), uint16(0), uint16(2+j), w.str(v), after)
		}
	}
	return data, len(names)
}

// has returns the section that says which versions there are.
func (w *writer) has(versions []string) (data []byte) {
	for i, v := range versions {
		next := uint32(28)
		if i == len(versions)-1 {
			next = 0
		}
		data = pack(data, uint16(1), uint16(0), uint16(i+1), uint16(1), uint32(0), uint32(20), next, w.str(v), uint32(0))
	}
	return data
}

func (w *writer) section(kind elf.SectionType, data []byte, link, info uint32) {
	size := uint64(0)
	switch kind {
	case elf.SHT_DYNAMIC:
		size = 16
	case elf.SHT_DYNSYM:
		size = 24
	}
	w.headers = pack(w.headers, uint32(0), uint32(kind), uint64(0), uint64(0), uint64(len(w.body)), uint64(len(data)), link, info, uint64(1), size)
	w.body = append(w.body, data...)
	w.sections++
}

// finish writes the headers in front of everything.
func (w *writer) finish(p Program, interpreter int) []byte {
	machine := p.Machine
	if machine == 0 {
		machine = elf.EM_X86_64
	}
	programs := uint16(0)
	if p.Interpreter != "" {
		programs = 1
	}
	ident := [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)}
	head := pack(nil, ident, uint16(elf.ET_DYN), uint16(machine), uint32(elf.EV_CURRENT), uint64(0), uint64(64), uint64(len(w.body)),
		uint32(0), uint16(64), uint16(56), programs, uint16(64), uint16(w.sections), uint16(1))
	size := uint64(len(p.Interpreter) + 1)
	head = pack(head, uint32(elf.PT_INTERP), uint32(elf.PF_R), uint64(interpreter), uint64(0), uint64(0), size, size, uint64(1))
	copy(w.body, head)
	return append(w.body, w.headers...)
}
