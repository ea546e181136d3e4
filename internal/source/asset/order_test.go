package asset

import (
	"slices"
	"testing"

	"gostore/internal/source/listing"
	"gostore/internal/version"
)

func TestCandidatesInTheNaturalOrder(t *testing.T) {
	x := listing.Index{Versions: []string{"2023b", "2024a", "2024c", "2024b"}}
	for request, want := range map[string][]string{
		"latest": {"2024c", "2024b", "2024a", "2023b"}, "2024": {"2024c", "2024b", "2024a"}, "2024a": {"2024a"}, "2025": nil,
	} {
		if got := candidates(request, x, version.Natural); !slices.Equal(got, want) {
			t.Errorf("%s: candidates are %q, want %q", request, got, want)
		}
	}
	if got := candidates("latest", x, ""); len(got) > 0 {
		t.Errorf("in the usual order these are pre-releases, but candidates are %q", got)
	}
}
