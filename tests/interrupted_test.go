package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// uninterruptible are the functions of the packages unix and syscall that may be called as they are.
var uninterruptible = []string{
	"ByteSliceToString", "Major", "Minor", "TimeToTimespec", // no system calls
	"FcntlInt", "Getrlimit", "Kill", "SchedSetAttr", "Setpriority", "Syscall", "Sysctl", "Umask", "Uname", // no file system hears of them
	"Fadvise", "SyncFileRange", // only hints
	"Seek",  // changes a number in the kernel, from the start or end on
	"Sync",  // fails never
	"Close", // never to be repeated: by then the number may be another file's
}

// TestInterruptedCalls checks that system calls are made through package sys, which goes on where a signal interrupted one. Of
// other functions of the packages unix and syscall those may be called that are in the list above.
func TestInterruptedCalls(t *testing.T) {
	const home = "internal/sys"
	repeated := functionsOf(t, home)
	if !slices.Contains(repeated, "Unlink") {
		t.Fatalf("package %q has only %q", home, repeated)
	}
	looked := 0
	for _, p := range packages {
		if p.path == home || strings.HasPrefix(p.path, "tests/") {
			continue
		}
		for file := range importsOf(t, p.path) {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for where, name := range systemCalls(f, repeated) {
				if looked++; !slices.Contains(uninterruptible, name) {
					t.Errorf("%s: a signal may interrupt %s, and nobody goes on: call it through package %q", fset.Position(where), name, home)
				}
			}
		}
	}
	if looked == 0 {
		t.Error("no system calls were found")
	}
}

// systemCalls returns what a file calls of the packages unix and syscall, and what it hands on of the named functions without calling
// them, by where it does so.
func systemCalls(f *ast.File, named []string) map[token.Pos]string {
	var packages []string // what the file calls them
	for _, spec := range f.Imports {
		path, _ := strconv.Unquote(spec.Path.Value) // it was parsed
		if path != "golang.org/x/sys/unix" && path != "syscall" {
			continue
		}
		name := filepath.Base(path)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		packages = append(packages, name)
	}
	found := map[token.Pos]string{}
	note := func(e ast.Expr, any bool) {
		sel, ok := e.(*ast.SelectorExpr)
		if !ok {
			return
		}
		of, ok := sel.X.(*ast.Ident)
		if ok && slices.Contains(packages, of.Name) && (any || slices.Contains(named, sel.Sel.Name)) {
			found[sel.Pos()] = sel.Sel.Name
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			note(n.Fun, true)
		case *ast.SelectorExpr:
			note(n, false)
		}
		return true
	})
	return found
}

// functionsOf returns the exported functions of a package, without its methods.
func functionsOf(t *testing.T, pkg string) []string {
	names := map[string]bool{}
	for file := range importsOf(t, pkg) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.IsExported() {
				names[fn.Name.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}
