package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// room is a package and what it may import of the others.
type room struct {
	path string
	may  []string
}

// packages are the project's packages, each after all that it may import of the others. A package
// that may import only some of those before it lists them; nil is all.
var packages = []room{
	{"internal/digest", []string{}},
	{"internal/release", []string{"internal/digest"}},
	{"internal/sys", []string{}},
	{"internal/parallel", []string{}},
	{"internal/dirent", []string{"internal/sys"}},
	{"internal/removal", []string{"internal/dirent", "internal/sys"}},
	{"internal/durable", []string{"internal/sys"}},
	{"internal/filelock", []string{"internal/sys"}},
	{"internal/smallfile", []string{"internal/sys"}},
	{"internal/redact", []string{}},
	{"internal/checked", []string{"internal/digest"}},
	{"internal/chain", []string{"internal/digest"}},
	{"internal/journal", []string{"internal/chain", "internal/digest", "internal/durable", "internal/filelock", "internal/redact"}},
	{"internal/textfile", []string{"internal/sys"}},
	{"internal/goenv", []string{}},
	{"internal/command", []string{}},
	{"internal/tree", []string{"internal/digest", "internal/sys"}},
	{"internal/guard", []string{"internal/sys"}},
	{"internal/layers", []string{"internal/textfile"}},
	{"internal/scrub", []string{"internal/checked", "internal/digest", "internal/durable", "internal/filelock"}},
	{"internal/priority", []string{}},
	{"internal/verity", []string{"internal/sys"}},
	{"store", []string{"internal/checked", "internal/digest", "internal/release", "internal/dirent", "internal/durable", "internal/filelock", "internal/guard", "internal/parallel", "internal/removal",
		"internal/smallfile", "internal/sys", "internal/tree"}},
	{"internal/bundle", []string{"internal/digest", "internal/release", "internal/tree", "store"}},
	{"internal/fetch", []string{"internal/durable", "internal/textfile"}},
	{"internal/inflate", []string{}},
	{"internal/archive", []string{"internal/digest", "internal/inflate", "internal/tree"}},
	{"internal/version", []string{}},
	{"internal/definition", []string{"internal/release", "internal/textfile", "internal/version"}},
	{"internal/config", []string{"internal/definition", "internal/durable", "internal/fetch", "internal/filelock", "internal/layers", "internal/release", "internal/textfile"}},
	{"internal/source/goproxy", []string{"internal/archive", "internal/command", "internal/digest", "internal/durable", "internal/fetch",
		"internal/filelock", "internal/goenv", "internal/release", "internal/tree"}},
	{"internal/source/listing", []string{"internal/digest"}},
	{"internal/source/asset", []string{"internal/archive", "internal/definition", "internal/digest", "internal/fetch", "internal/release",
		"internal/source/listing", "internal/tree", "internal/version"}},
	{"internal/source/godev", []string{"internal/archive", "internal/digest", "internal/fetch", "internal/release",
		"internal/source/goproxy", "internal/source/listing"}},
	{"internal/source/npm", []string{"internal/archive", "internal/definition", "internal/digest", "internal/fetch", "internal/release",
		"internal/tree", "internal/version"}},
	{"internal/source/gomodule", []string{"internal/archive", "internal/definition", "internal/digest", "internal/fetch", "internal/release",
		"internal/tree", "internal/version"}},
	{"lock", []string{"internal/digest", "internal/release", "internal/durable", "internal/filelock", "internal/textfile", "internal/version"}},
	{"internal/versionfile", []string{"internal/definition", "internal/release", "internal/textfile"}},
	{"internal/settings", []string{"internal/release", "internal/textfile"}},
	{"internal/project", []string{"internal/config", "internal/release", "internal/settings", "internal/textfile", "internal/version", "internal/versionfile", "lock"}},
	{"internal/environment", []string{"internal/digest", "internal/release", "internal/smallfile", "internal/tree", "store"}},
	{"internal/variables", []string{"internal/environment", "internal/goenv", "internal/release"}},
	{"internal/isolation", []string{"internal/digest", "internal/durable", "internal/filelock", "internal/removal", "store"}},
	{"profile", []string{"internal/chain", "internal/checked", "internal/digest", "internal/durable", "internal/environment", "internal/filelock", "store"}},
	{"internal/trust", []string{"internal/checked", "internal/digest", "internal/durable", "internal/smallfile"}},
	{"internal/hook", []string{"internal/release"}},
	{"internal/roots", []string{"internal/checked", "internal/digest", "internal/durable", "internal/filelock", "internal/release", "internal/smallfile"}},
	{"gc", []string{"internal/digest", "internal/filelock", "internal/parallel", "internal/sys", "store"}},
	{"internal/shim", []string{"internal/durable", "internal/filelock", "internal/sys"}},
	{"internal/link", []string{"internal/digest", "internal/durable", "internal/filelock", "store"}},
	{"internal/enter", []string{"internal/digest", "internal/environment", "internal/goenv", "internal/guard", "internal/hook", "internal/isolation", "internal/layers", "internal/link", "internal/release",
		"internal/roots", "internal/settings", "internal/shim", "internal/smallfile", "internal/sys", "internal/variables", "lock", "profile", "store"}},
	{"internal/install", []string{"internal/archive", "internal/digest", "internal/release", "store"}},
	{"internal/repair", []string{"internal/archive", "internal/bundle", "internal/digest", "internal/fetch", "internal/release", "internal/tree", "store"}},
	{"internal/adopt", []string{"internal/archive", "internal/digest", "internal/release", "internal/source/goproxy", "internal/tree", "internal/version", "store"}},
	{"internal/git", []string{"internal/command", "internal/digest", "internal/durable", "internal/tree"}},
	{"internal/check", []string{"internal/digest", "internal/release", "internal/textfile", "internal/tree", "lock", "store"}},
	{"internal/buildlist", []string{"internal/check", "internal/command"}},
	{"internal/buildcache", []string{"internal/command", "internal/sys"}},
	{"internal/startfile", []string{}},
	{"internal/loader", []string{}},
	{"internal/doctor", []string{"internal/fetch", "internal/filelock", "internal/goenv", "internal/guard", "internal/loader", "internal/roots", "internal/startfile", "internal/sys", "internal/textfile",
		"internal/tree", "profile", "store"}},
	{"internal/ci", []string{}},
	{"internal/catalog", []string{"internal/durable", "internal/release"}},
	{"cmd", nil},
	{"cmd/gostore", []string{"cmd"}},
	{"cmd/gostore-shim", []string{"internal/enter", "internal/shim", "internal/sys", "internal/trust", "store"}},
	{"internal/manual", []string{"cmd"}},
	{"internal/distribution", []string{"cmd", "internal/manual"}},
	{"tests/package", []string{"internal/distribution"}},
	{"tests/program", []string{}},
	{"tests/upstream", []string{"internal/release"}},
	{"tests/snapshot", []string{}},
	{"tests/powercut", []string{"tests/snapshot"}},
	{"tests/quick", []string{"internal/filelock"}},
	{"tests/bench/figures", []string{}},
	{"tests/bench/report", []string{"tests/bench/figures"}},
	{"tests/bench/peers", []string{}},
	{"tests/bench/place", []string{"tests/bench/figures"}},
	{"tests/bench/toolchains", []string{}},
	{"tests/bench/rounds", []string{"tests/bench/figures", "tests/bench/peers", "tests/bench/place", "tests/bench/toolchains"}},
	{"tests/bench/comparisons", nil},
	{"tests/bench", nil},
	{"tests/bench/limit", []string{"internal/durable", "internal/parallel"}},
	{"tests/bench/wrapper", []string{}},
}

// silent are packages of the standard library that only the command line may use: libraries neither print
// through them, nor read flags, nor end the program.
var silent = []string{"flag", "log", "log/slog"}

// only are modules that belong to one package, because the others must do without what they bring along.
var only = map[string]string{
	"github.com/spf13/cobra":       "cmd",
	"github.com/spf13/pflag":       "cmd",
	"github.com/vbauerster/mpb":    "cmd",
	"golang.org/x/term":            "cmd",
	"net/http":                     "internal/fetch",
	"golang.org/x/net":             "internal/fetch",
	"golang.org/x/mod/sumdb":       "internal/source/goproxy",
	"github.com/gofrs/flock":       "internal/filelock",
	"aead.dev/minisign":            "internal/source/asset",
	"github.com/pelletier/go-toml": "internal/textfile",
}

// TestImports holds the table above against the sources of this working copy. It parses them here because
// the answer of another program would be kept by the test cache.
func TestImports(t *testing.T) {
	found := map[string]bool{}
	for i, p := range packages {
		found[p.path] = true
		for file, imports := range importsOf(t, p.path) {
			for _, path := range imports {
				checkImport(t, i, file, path)
			}
		}
	}
	for _, dir := range packageDirs(t) {
		if !found[dir] && dir != "tests" {
			t.Errorf("package %q is not in the table: where does it belong?", dir)
		}
	}
}

func checkImport(t *testing.T, i int, file, path string) {
	p := packages[i]
	if own, ok := strings.CutPrefix(path, "gostore/"); ok {
		if p.may != nil && !slices.Contains(p.may, own) {
			t.Errorf("%s: imports %q, which %q may not", file, path, p.path)
		}
		if j := slices.IndexFunc(packages, func(q room) bool { return q.path == own }); j >= i {
			t.Errorf("%s: imports %q, which stands after it in the table", file, path)
		}
		return
	}
	inTests := strings.HasPrefix(p.path, "tests/")
	if !inTests && slices.Contains(silent, path) {
		t.Errorf("%s: imports %q: libraries neither print nor read flags", file, path)
	}
	for prefix, owner := range only {
		if path == "golang.org/x/mod/sumdb/dirhash" { // it only hashes, and brings nothing along
			continue
		}
		if !inTests && p.path != owner && (path == prefix || strings.HasPrefix(path, prefix+"/")) {
			t.Errorf("%s: imports %q, which only %q may", file, path, owner)
		}
	}
}

// importsOf returns the imports of a package's files, without its tests, by file.
func importsOf(t *testing.T, pkg string) map[string][]string {
	files, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string][]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			imports[file] = append(imports[file], path)
		}
	}
	if len(imports) == 0 {
		t.Errorf("package %q has no files", pkg)
	}
	return imports
}

// TestNothingAtStart checks that no variable of a package is an expression that is compiled: every gostore, and every shim,
// would wait for it.
func TestNothingAtStart(t *testing.T) {
	looked := 0
	for _, p := range packages {
		if strings.HasPrefix(p.path, "tests/") {
			continue
		}
		for file := range importsOf(t, p.path) {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				vars, ok := d.(*ast.GenDecl)
				if !ok || vars.Tok != token.VAR {
					continue
				}
				looked++
				ast.Inspect(vars, func(n ast.Node) bool {
					call, ok := n.(*ast.SelectorExpr)
					if ok && strings.HasPrefix(call.Sel.Name, "MustCompile") {
						t.Errorf("%s: an expression is compiled at every start; sync.OnceValue compiles it when it is needed", file)
					}
					_, inFunction := n.(*ast.FuncLit)
					return !inFunction
				})
			}
		}
	}
	if looked == 0 {
		t.Error("no variables were found")
	}
}

// packageDirs returns the directories of the project that hold Go files.
func packageDirs(t *testing.T) []string {
	var dirs []string
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() && path != ".." && (strings.HasPrefix(name, ".") || name == "testdata") {
			return fs.SkipDir
		}
		if !e.IsDir() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			dir, err := filepath.Rel("..", filepath.Dir(path))
			if err != nil {
				return err
			}
			dirs = append(dirs, filepath.ToSlash(dir))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}
