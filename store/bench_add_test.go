package store

import (
	"bytes"
	"fmt"
	"testing"
)

// filesOf is how many files the objects of the benchmarks have.
const filesOf = 1000

// fillWith fills a stage with files of 4 KiB whose contents begin with a mark.
func fillWith(mark string) func(*Stage) error {
	return func(g *Stage) error {
		content := bytes.Repeat([]byte("gostore "), 512)
		for i := range filesOf {
			copy(content, fmt.Sprintf("%s %d", mark, i))
			if err := g.File(fmt.Sprintf("d%d/f%d", i%10, i), i%2 == 0, content); err != nil {
				return err
			}
		}
		return nil
	}
}

// BenchmarkAdd adds objects of 1,000 files: of new contents, and of contents that the store has.
func BenchmarkAdd(b *testing.B) {
	for _, shared := range []bool{false, true} {
		b.Run(fmt.Sprintf("shared=%t", shared), func(b *testing.B) {
			s, err := Open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			n := 0
			for b.Loop() {
				n++
				mark := "equal"
				if !shared {
					mark = fmt.Sprint(n)
				}
				fill := fillWith(mark)
				l, err := s.Add(b.Context(), Spec{Name: "object", Version: fmt.Sprint(n)}, func(g *Stage) error {
					if err := g.File("number", false, []byte(fmt.Sprint(n))); err != nil {
						return err
					}
					return fill(g)
				})
				if err != nil {
					b.Fatal(err)
				}
				l.Release()
			}
		})
	}
}

// BenchmarkVerify verifies an object of 1,000 files.
func BenchmarkVerify(b *testing.B) {
	s, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	l, err := s.Add(b.Context(), Spec{Name: "object", Version: "1"}, fillWith("x"))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Release()
	for b.Loop() {
		if err := s.Verify(b.Context(), l.Object().Tree); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAddMany fills a store with small objects, one by one. What one costs does not depend on how many there are.
func BenchmarkAddMany(b *testing.B) {
	for _, objects := range []int{1000, 10000} {
		b.Run(fmt.Sprintf("objects=%d", objects), func(b *testing.B) {
			for b.Loop() {
				s, err := Open(b.TempDir())
				if err != nil {
					b.Fatal(err)
				}
				for i := range objects {
					l, err := s.Add(b.Context(), Spec{Name: "object", Version: fmt.Sprint(i)}, func(g *Stage) error {
						return g.File("number", false, []byte(fmt.Sprint(i)))
					})
					if err != nil {
						b.Fatal(err)
					}
					l.Release()
				}
				s.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*objects), "µs/object")
		})
	}
}
