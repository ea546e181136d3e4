package cmd

import "testing"

// Every file that has a say in what a project wants is a reason to check a commit.
func TestConcerns(t *testing.T) {
	for name, want := range map[string]bool{
		"gostore.lock": true, "sub/gostore.toml": true, "go.mod": true, "a/go.work": true, ".go-version": true, ".nvmrc": true, "package.json": true,
		"mise.toml": true, "mise/config.toml": true, ".config/mise/config.toml": true, "sub/.mise/config.toml": true,
		"vendor/x/x.go": true, "sub/vendor/modules.txt": true,
		"config.toml": false, "go.sum": false, "vendor": false, "vendors/x.go": false, "main.go": false,
	} {
		if got := concerns(name); got != want {
			t.Errorf("concerns(%q) = %v", name, got)
		}
	}
}
