package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestManual holds that the examples of docs/configuration.md are right, and that it knows all keys and variables.
func TestManual(t *testing.T) {
	data, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	manual := string(data)
	examples := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(manual, -1)
	for _, e := range examples {
		if _, err := Load("/etc/example.toml", []byte(e[1]), "/home/me"); err != nil {
			t.Errorf("an example is wrong: %v\n%s", err, e[1])
		}
	}
	variables := regexp.MustCompile(`export (GOSTORE_\w+)='(.*)'`).FindAllStringSubmatch(manual, -1)
	for _, v := range variables {
		if _, err := FromEnvironment(env(v[1], v[2])); err != nil {
			t.Errorf("an example is wrong: %v", err)
		}
	}
	if len(examples) < 5 || len(variables) == 0 {
		t.Errorf("%d examples and %d variables: were they looked for in the right way?", len(examples), len(variables))
	}
	for _, word := range []string{
		"mirror.prefix", "mirror.to", "mirror.source", "sources.TOOL", "network.ca", "network.proxy", "network.no-proxy", "network.netrc", "npm.registry", "tool.NAME", "trust", "layers",
		"GOSTORE_CONFIG", "GOSTORE_MIRRORS", "GOSTORE_SOURCES", "GOSTORE_OFFLINE", "GOSTORE_CA_FILE", "GOSTORE_TRUST", "GOSTORE_LAYERS", "GOSTORE_ALONE", "NETRC", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
	} {
		if !strings.Contains(manual, "| `"+word+"`") {
			t.Errorf("the manual has no row for %s", word)
		}
	}
}
