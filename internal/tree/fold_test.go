package tree

import (
	"testing"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Two characters share a fold exactly if they share that of golang.org/x/text/cases. That leaves small Cherokee letters alone, which the
// standard folds to the large ones.
func TestFoldCase(t *testing.T) {
	fold := cases.Fold()
	ours, theirs := map[string]string{}, map[string]string{}
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if !unicode.IsGraphic(r) || unicode.Is(unicode.Cherokee, r) {
			continue
		}
		our := norm.NFD.String(foldCase(string(r)))
		their := norm.NFD.String(fold.String(norm.NFD.String(string(r))))
		if was, ok := ours[our]; ok && was != their {
			t.Errorf("%U %q: joined with what folds to %q", r, r, was)
		}
		if was, ok := theirs[their]; ok && was != our {
			t.Errorf("%U %q: parted from what folds to %q", r, r, was)
		}
		ours[our], theirs[their] = their, our
	}
	for _, twins := range [][2]string{{"Ꭰ", "ꭰ"}, {"Straße", "STRASSE"}, {"ﬃ", "FFI"}, {"\u1e9a", "A\u02be"}} {
		if foldCase(twins[0]) != foldCase(twins[1]) {
			t.Errorf("%q and %q differ", twins[0], twins[1])
		}
	}
}
