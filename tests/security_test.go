package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurity holds docs/security.md against the tests: each row of a table that says what shows a claim has to name tests, and what is
// named anywhere as a test, a fuzz target or a script has to exist. Each fuzz target there is has to be named: a reader of outside bytes that is
// not is one that nobody thought of.
func TestSecurity(t *testing.T) {
	const path = "../docs/security.md"
	exists := testNames(t)
	word := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+|[a-z]+_[a-z_]+)`")
	text := document(t, path)
	for name := range exists {
		if strings.HasPrefix(name, "Fuzz") && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("%s does not say what %s reads", path, name)
		}
	}
	column := -1 // of "shown by", in the table that is being read
	for i, line := range strings.Split(text, "\n") {
		for _, m := range word.FindAllStringSubmatch(line, -1) {
			if !exists[m[1]] {
				t.Errorf("%s:%d: there is no test %s", path, i+1, m[1])
			}
		}
		cells := strings.Split(strings.Trim(line, "| "), "|")
		switch last := strings.TrimSpace(cells[len(cells)-1]); {
		case !strings.HasPrefix(line, "|"):
			column = -1
		case last == "shown by":
			column = len(cells) - 1
		case column < 0 || strings.HasPrefix(line, "|---"):
		case !word.MatchString(last) && !strings.HasPrefix(last, "("):
			t.Errorf("%s:%d: nothing shows this: name a test, or say in brackets why none can", path, i+1)
		}
	}
}

// testNames returns the names of all tests, fuzz targets and scripts.
func testNames(t *testing.T) map[string]bool {
	names := map[string]bool{}
	files := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := os.ReadDir("testdata/script")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range scripts {
		names[strings.TrimSuffix(e.Name(), ".txtar")] = true
	}
	return names
}
