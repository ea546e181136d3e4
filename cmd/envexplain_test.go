package cmd

import (
	"testing"

	"gostore/internal/environment"
)

// A Go that is older than go env files does not look into them.
func TestReadsGoEnv(t *testing.T) {
	for version, want := range map[string]bool{"1.12.17": false, "1.4": false, "1.13": true, "1.26.8": true, "1.12rc1": false, "": true} {
		var s settled
		if version != "" {
			s.env.Tools = []environment.Tool{{Name: "go", Version: "1.2", Extra: true}, {Name: "go", Version: version}}
		}
		if got := s.readsGoEnv(); got != want {
			t.Errorf("go %q: %v, want %v", version, got, want)
		}
	}
}
