package tree

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// arrival is a path with its kind in the notation of a manifest.
func arrival(s string) (string, Kind) {
	kind, path, _ := strings.Cut(s, " ")
	return path, Kind(kind[0])
}

// However names are hashed, each is one name.
func TestNames(t *testing.T) {
	usual := twinHash
	t.Cleanup(func() { twinHash = usual })
	for name, hash := range map[string]func(string) uint64{
		"hashed":       usual,
		"by length":    func(key string) uint64 { return uint64(len(key)) },
		"one hash":     func(string) uint64 { return 1<<64 - 1 },
		"by last byte": func(key string) uint64 { return uint64(key[len(key)-1]) },
	} {
		twinHash = hash
		t.Run(name, testNames)
	}
}

func testNames(t *testing.T) {
	for _, test := range []struct {
		arrivals []string
		want     string // in the error of the last arrival
	}{
		{[]string{"f a/b/c", "d a", "d a/b", "d a", "x a/b/d", "l a/e"}, ""},
		{[]string{"f a", "f ab", "f a.b"}, ""},
		{[]string{"f straße", "f strasze"}, ""},
		{[]string{"f a", "f a"}, "occurs twice, as file and as file"},
		{[]string{"f a", "x a"}, "occurs twice, as file and as executable file"},
		{[]string{"l a", "l a"}, "occurs twice, as link and as link"},
		{[]string{"f a", "d a"}, "occurs twice, as file and as directory"},
		{[]string{"d a", "l a"}, "occurs twice, as directory and as link"},
		{[]string{"f a/b", "l a"}, "occurs twice, as directory and as link"},
		{[]string{"f a", "f a/b"}, `"a" exists as file, not as directory`},
		{[]string{"l a", "d a/b/c/d"}, `"a" exists as link, not as directory`},
		{[]string{"x a/b", "f a/b/c"}, `"a/b" exists as executable file`},
		{[]string{"f a", "f A"}, `"A" and "a" are one name`},
		{[]string{"f a/b", "f A/c"}, `"A" and "a" are one name`},
		{[]string{"d README", "d readme"}, `"readme" and "README" are one name`},
		{[]string{"f a/b/C", "f a/b/c"}, `"a/b/c" and "a/b/C" are one name`},
		{[]string{"f \u00e9", "f e\u0301"}, "are one name"},
		{[]string{"f \u00c9", "f e\u0301"}, "are one name"},
		{[]string{"f \u1e9b\u0323", "f \u1e61\u0323"}, "are one name"}, // long s with dots
		{[]string{"f straße", "f STRASSE"}, "are one name"},
		{[]string{"f ς", "f Σ"}, "are one name"},
		{[]string{"f \u212a", "f k"}, "are one name"}, // the Kelvin sign
		{[]string{"f \u212b", "f \u00e5"}, "are one name"},
		{[]string{"f a\u200cb", "f ab"}, "are one name"},
		{[]string{"f \u2764\ufe0f", "f \u2764"}, "are one name"},
		{[]string{"f a\u0301\u200c\u0323", "f a\u0323\u0301"}, "are one name"},
		{[]string{"f α\u0345\u0301", "f \u1fb4"}, "are one name"}, // iota below, which folds to a letter
		{[]string{"f a/../b"}, "is not a clean relative path"},
		{[]string{"q a"}, "is of the unknown kind 'q'"},
	} {
		t.Run(strings.Join(test.arrivals, ","), func(t *testing.T) {
			var names Names
			for i, s := range test.arrivals {
				path, kind := arrival(s)
				err := names.Add(path, kind)
				if i < len(test.arrivals)-1 || test.want == "" {
					if err != nil {
						t.Fatal(err)
					}
					continue
				}
				var pathError *PathError
				if !errors.As(err, &pathError) || pathError.Path != path || !strings.Contains(pathError.Reason, test.want) {
					t.Errorf("Add(%q) = %v, want an error with %q", path, err, test.want)
				}
			}
		})
	}
}

// TestNamesConcurrent adds one name many times at once: one caller may have it.
func TestNamesConcurrent(t *testing.T) {
	var names Names
	var wg sync.WaitGroup
	taken := make([]int, 100)
	var mu sync.Mutex
	for worker := range 8 {
		wg.Go(func() {
			for i := range taken {
				path := fmt.Sprintf("d%d/e/f%d", i%7, i)
				if worker%2 == 1 {
					path = fmt.Sprintf("d%d/e/F%d", i%7, i)
				}
				if names.Add(path, File) == nil {
					mu.Lock()
					taken[i]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for i, n := range taken {
		if n != 1 {
			t.Errorf("name %d was taken %d times", i, n)
		}
	}
	want := []string{"d0", "d0/e", "d1", "d1/e", "d2", "d2/e", "d3", "d3/e", "d4", "d4/e", "d5", "d5/e", "d6", "d6/e"}
	if dirs := names.Dirs(); !slices.Equal(dirs, want) {
		t.Errorf("Dirs() = %q, want %q", dirs, want)
	}
}
