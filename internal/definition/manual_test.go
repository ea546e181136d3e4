package definition

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// manual returns docs/tools.md.
func manual(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "tools.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestExamples holds that the definitions in the manual can be copied out of it.
func TestExamples(t *testing.T) {
	blocks := strings.Split(manual(t), "```toml\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("the manual has %d examples", len(blocks))
	}
	for i, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		list, err := parse(t, text)
		if err != nil || len(list) != 1 || len(list[0].Sources()) == 0 {
			t.Errorf("example %d: %v, %v", i+1, list, err)
		}
	}
}

// TestComplaintInManual holds the complaint that the manual shows.
func TestComplaintInManual(t *testing.T) {
	_, err := parse(t, "\n\n[tool.x]\nurl = \"https://files.example.com/deployer/{vers}\"\n")
	if err == nil {
		t.Fatal("no complaint")
	}
	for line := range strings.Lines(err.Error()) {
		if _, complaint, _ := strings.Cut(line, ": template"); complaint != "" {
			if want := ": template" + strings.TrimRight(complaint, "\n") + "\n"; !strings.Contains(manual(t), want) {
				t.Errorf("the manual does not have %q", want)
			}
			return
		}
	}
	t.Errorf("no complaint about the template: %v", err)
}

// TestKeysInManual holds that the manual has every key and every variable.
func TestKeysInManual(t *testing.T) {
	text := manual(t)
	for _, key := range keys {
		if !strings.Contains(text, "`"+key+"`") {
			t.Errorf("the manual lacks the key %q", key)
		}
	}
	for _, name := range append(besideVars, envVars...) {
		if !strings.Contains(text, "`{"+name+"}`") {
			t.Errorf("the manual lacks the variable {%s}", name)
		}
	}
}
