package tests

import (
	"slices"
	"strings"
	"testing"

	rules "gostore/internal/check"
)

// TestCheckManual holds the table of rules in the manual, and the list in the help, against the rules themselves.
func TestCheckManual(t *testing.T) {
	manual := document(t, "../docs/check.md")
	var rows []string
	for line := range strings.Lines(manual) {
		if strings.HasPrefix(line, "| `") && strings.Count(line, "|") == 4 {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	var want []string
	for _, r := range rules.Rules {
		runs := "always"
		if r.Asked {
			runs = "`--" + r.Name + "`"
		}
		want = append(want, "| `"+r.Name+"` | "+runs+" | "+r.Does+" |")
		if !strings.Contains(manual, "\n### "+r.Name+"\n") {
			t.Errorf("docs/check.md has no section %q", r.Name)
		}
	}
	if !slices.Equal(rows, want) {
		t.Errorf("the rules in docs/check.md are\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
}
