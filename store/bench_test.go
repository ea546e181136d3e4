package store

import (
	"fmt"
	"testing"

	"gostore/internal/removal"
)

const benchFiles = 1000

// fillFiles makes files of 2 KiB in a hundred directories.
func fillFiles(b *testing.B, g *Stage, seed string) {
	b.Helper()
	for i := range benchFiles {
		data := fmt.Appendf(make([]byte, 2<<10), "%s %d", seed, i)
		if err := g.File(fmt.Sprintf("dir%02d/file%d", i/10, i), false, data); err != nil {
			b.Fatal(err)
		}
	}
}

// stages calls do with stages that are thrown away; only what do does is timed.
func stages(b *testing.B, before string, do func(g *Stage) error) {
	s, err := Open(b.TempDir() + "/root")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { removal.Tree(s.Dir()) })
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		g, err := s.newStage(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if before != "" {
			fillFiles(b, g, before)
		}
		b.StartTimer()
		if err := do(g); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		g.files.Close()
		g.abandon()
		b.StartTimer()
	}
}

func BenchmarkFiles(b *testing.B) {
	n := 0
	stages(b, "", func(g *Stage) error { n++; fillFiles(b, g, fmt.Sprint(n)); return nil })
}

// BenchmarkSharedFiles writes files whose contents are in files/, after the first round.
func BenchmarkSharedFiles(b *testing.B) {
	stages(b, "", func(g *Stage) error { fillFiles(b, g, "same"); return nil })
}

func BenchmarkSeal(b *testing.B) {
	stages(b, "same", func(g *Stage) error { _, err := g.finish(); return err })
}
