package layers

import (
	"path/filepath"
	"slices"
	"testing"

	"gostore/internal/textfile"
)

// Whatever names layers, what comes of it is absolute, clean, and there once.
func FuzzLayers(f *testing.F) {
	for _, text := range []string{"/a:/b", "off", "a", "~/x::/y/../z:/z", `layers = ["/a", "~/b"]`, "layers = []", "layers = 1", "x = [", "/a\x00b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dirs, err := split(text, "/home/u")
		if err == nil {
			check(t, dirs)
		}
		doc, err := textfile.ParseTOML("config.toml", []byte(text))
		if err != nil {
			return
		}
		dirs, said := FromDocument(doc, "/home/u")
		if doc.Err() == nil && said {
			check(t, dirs)
		}
	})
}

func check(t *testing.T, dirs []string) {
	for i, dir := range dirs {
		if !filepath.IsAbs(dir) || filepath.Clean(dir) != dir || slices.Contains(dirs[:i], dir) {
			t.Errorf("%q", dirs)
		}
	}
}
