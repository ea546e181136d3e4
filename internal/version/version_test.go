package version

import (
	"slices"
	"testing"
)

func TestCompare(t *testing.T) {
	sorted := []string{
		"master", "0.9", "1.0.0-1", "1.0.0-2", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta2", "1.0.0-beta11", "1.0.0-rc.1", "v1.0.0",
		"1.2", "1.9", "1.10rc1", "1.10", "1.10.1", "2.0.0+build", "2024.1.1", "99999999999999999999999",
	}
	for i, a := range sorted {
		for j, b := range sorted {
			if got := Compare(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("Compare(%q, %q) is %d", a, b, got)
			}
		}
	}
	for _, same := range [][2]string{{"v1.2.0", "1.2"}, {"1.2+a", "1.2.0+b"}, {"1.02", "1.2"}} {
		if Compare(same[0], same[1]) != 0 {
			t.Errorf("%q and %q differ", same[0], same[1])
		}
	}
}

func TestCompareNatural(t *testing.T) {
	sorted := []string{"", "1", "1.9", "1.9.7", "1.10", "1.21.0", "1.21.13", "1.021.13", "1.22rc1", "1.99999999999999999999999", "2", "v0.9", "v0.10"}
	for i, a := range sorted {
		for j, b := range sorted {
			if got, want := CompareNatural(a, b) < 0, i < j; got != want && a != "1.021.13" && b != "1.021.13" {
				t.Errorf("%q before %q: %v", a, b, got)
			}
		}
	}
	if CompareNatural("1.021", "1.21") == 0 {
		t.Error("different spellings compare as equal")
	}
}

func TestNaturalOrder(t *testing.T) {
	list := []string{"2023b", "2024a", "2024c", "2024b", "r9", "r10", "20240"}
	for request, want := range map[string]string{"latest": "r10", "2024": "2024c", "2024a": "2024a", "2023": "2023b", "r": "r10", "202": "", "2025": ""} {
		if got, ok := Natural.Select(request, list); got != want || ok != (want != "") {
			t.Errorf("Select(%q) is %q, %v; want %q", request, got, ok, want)
		}
	}
	if got := Natural.Nearest("2024z", []string{"2023a", "2024a", "2024b"}); !slices.Equal(got, []string{"2024b", "2024a", "2023a"}) {
		t.Errorf("nearest are %q", got)
	}
}

func TestSelect(t *testing.T) {
	list := []string{"v1.2.0", "v1.2.10", "v1.2.9", "v1.20.0", "v2.0.0-rc1", "v0.9.0", "nightly"}
	for request, want := range map[string]string{
		"latest": "v1.20.0", "stable": "v1.20.0", "1": "v1.20.0", "v1.2": "v1.2.10", "1.2": "v1.2.10", "1.2.9": "v1.2.9",
		"2.0.0-rc1": "v2.0.0-rc1", "2": "", "0": "v0.9.0", "1.2.": "", "nightly": "nightly", "": "",
	} {
		if got, ok := Select(request, list); got != want || ok != (want != "") {
			t.Errorf("Select(%q) is %q, %v; want %q", request, got, ok, want)
		}
	}
}

func TestNearest(t *testing.T) {
	got := Nearest("1.3", []string{"1.2.0", "2.0.0", "1.10.0", "2.1.0-rc1"})
	if want := []string{"1.10.0", "1.2.0", "2.0.0", "2.1.0-rc1"}; !slices.Equal(got, want) {
		t.Errorf("nearest are %q, want %q", got, want)
	}
}

func FuzzCompare(f *testing.F) {
	f.Add("1.2.3", "v1.2.4-rc.1")
	f.Add("", "+")
	f.Fuzz(func(t *testing.T, a, b string) {
		if Compare(a, b) != -Compare(b, a) || Compare(a, a) != 0 {
			t.Fatalf("%q and %q are not ordered", a, b)
		}
		Select(a, []string{b})
		Nearest(a, []string{b, a})
	})
}
