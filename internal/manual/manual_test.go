package manual

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gostore/cmd"
)

var day = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

// Every command has a page, and whoever formats manuals finds nothing to complain about in it.
func TestPages(t *testing.T) {
	all := cmd.Describe()
	if len(all) < 20 {
		t.Fatalf("%d commands", len(all))
	}
	dir := t.TempDir()
	for _, d := range all {
		text := Page(d, all, day)
		for _, want := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "FILES", "ENVIRONMENT", "SEE ALSO"} {
			if !strings.Contains(text, "\n.SH "+want+"\n") {
				t.Errorf("%s has no %s", Name(d), want)
			}
		}
		path := filepath.Join(dir, Name(d)+"."+Section)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pages, _ := filepath.Glob(dir + "/*")
	for _, checker := range [][]string{
		{"mandoc", "-Tlint", "-Wwarning"},
		{"groff", "-man", "-ww", "-Tutf8", "-z"},
		{"man", "-l", "--warnings"},
	} {
		t.Run(checker[0], func(t *testing.T) {
			if _, err := exec.LookPath(checker[0]); err != nil {
				t.Skipf("%s is not installed", checker[0])
			}
			for _, page := range pages {
				c := exec.Command(checker[0], append(checker[1:], page)...)
				c.Env = append(os.Environ(), "MANPAGER=cat", "MANWIDTH=80", "LC_ALL=C.UTF-8")
				var stderr strings.Builder
				c.Stderr = &stderr
				out, err := c.Output()
				if checker[0] != "mandoc" {
					out = nil
				}
				if err != nil || stderr.Len() > 0 || len(out) > 0 {
					t.Errorf("%s %s: %v\n%s%s", checker[0], filepath.Base(page), err, stderr.String(), out)
				}
			}
		})
	}
}

// A page says what the help says, word for word and blank for blank in examples.
func TestPageText(t *testing.T) {
	d := cmd.Description{
		Path: []string{"x", "y"}, Short: "Do it", Long: "First 'quoted'.\n.not a macro\n\n  a  b\\c\n  d\nafter\n", Usage: "x y [-a]",
		Examples: []string{"x y -- ls '~'", "'x' y"}, Flags: []cmd.Flag{{Short: "a", Long: "all-of", Value: "WORD", Usage: "say it"}}, ExitStatus: "  0  good",
	}
	page := Page(d, []cmd.Description{d, {Path: []string{"x"}, Short: "The program"}}, day)
	for _, want := range []string{
		".TH \"X\\-Y\" 1 2026-01-02 ", "x\\-y \\- Do it", "First \\(aqquoted\\(aq.\n\\&.not a macro\n.PP\n.RS 4\n.nf\na  b\\ec\nd\n.fi\n.RE\nafter\n",
		"x y \\-\\- ls \\(aq\\(ti\\(aq\n", ".TP\n\\fB\\-a\\fR, \\fB\\-\\-all\\-of\\fR=\\fIWORD\\fR\nsay it\n", "\\fBx\\fR(1)\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in\n%s", want, page)
		}
	}
	if again := Page(d, []cmd.Description{d, {Path: []string{"x"}, Short: "The program"}}, day); again != page {
		t.Error("the same gives another page")
	}
}

// The variables are those that docs/configuration.md describes.
func TestVariables(t *testing.T) {
	data, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var known strings.Builder
	for _, row := range environment {
		known.WriteString(row[0] + " ")
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(GOSTORE_[A-Z_]+)` \\|").FindAllStringSubmatch(string(data), -1) {
		if !strings.Contains(known.String(), m[1]+" ") {
			t.Errorf("%s is not in the manual", m[1])
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add(".so /etc/passwd")
	f.Add("'br")
	f.Fuzz(func(t *testing.T, s string) {
		e := escape(s)
		if strings.HasPrefix(e, ".") || strings.HasPrefix(e, "'") {
			t.Errorf("%q is a macro: %q", s, e)
		}
		for _, part := range strings.Split(e, `\`)[1:] {
			if part == "" || !strings.Contains(`e-&(`, part[:1]) {
				t.Errorf("%q has an escape of its own: %q", s, e)
			}
		}
	})
}
