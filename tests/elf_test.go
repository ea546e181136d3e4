package tests

import (
	"debug/elf"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"gostore/tests/program"
)

// elfFile writes an ELF file without code: elf FILE KEY=VALUE…, with the keys machine (arm64), interpreter, needs (a library) and
// wants (LIBRARY:VERSION).
func elfFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: elf FILE KEY=VALUE...")
	}
	p := program.Program{Wants: map[string][]string{}}
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "machine":
			p.Machine = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "s390x": elf.EM_S390}[value]
		case "interpreter":
			p.Interpreter = value
		case "needs":
			p.Needs = append(p.Needs, value)
		case "wants":
			library, version, _ := strings.Cut(value, ":")
			p.Wants[library] = append(p.Wants[library], version)
		default:
			ts.Fatalf("elf: no key %q", key)
		}
	}
	ts.Check(p.Write(ts.MkAbs(args[0])))
}
