package tree

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// BenchmarkScan scans what the page cache holds: the Go tree that runs the benchmark, and a
// generated tree of a Go release's proportions.
func BenchmarkScan(b *testing.B) {
	for name, dir := range map[string]string{"goroot": goroot(b), "generated": generated(b)} {
		for _, workers := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("%s/workers=%d", name, workers), func(b *testing.B) {
				for b.Loop() {
					m, err := Scan(context.Background(), dir, workers)
					if err != nil {
						b.Fatal(err)
					}
					b.SetBytes(m.Size())
				}
			})
		}
	}
}

func BenchmarkParse(b *testing.B) {
	m, err := Scan(context.Background(), goroot(b), 2)
	if err != nil {
		b.Fatal(err)
	}
	text := m.Bytes()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

// goroot returns the directory of the Go tree that runs the tests.
func goroot(tb testing.TB) string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		tb.Skipf("no Go tree: go env GOROOT: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// generated makes a tree of 9,500 files and 206 MB: most of the bytes in a few binaries.
func generated(tb testing.TB) string {
	dir := tb.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 20<<20)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	write := func(size int, elem ...string) {
		path := filepath.Join(append([]string{dir}, elem...)...)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		start := random.IntN(len(data) - size + 1)
		if err := os.WriteFile(path, data[start:start+size], 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	for i, size := range []int{18, 15, 14, 11, 9, 8, 7, 6, 5, 5, 4, 4, 3, 3, 2, 2, 2} {
		write(size<<20, "pkg", "tool", fmt.Sprintf("tool%d", i))
	}
	for i := range 9500 {
		write(int(random.ExpFloat64()*9200)%(1<<20), "src", fmt.Sprintf("p%d", i%40), fmt.Sprintf("q%d", i%800), fmt.Sprintf("f%d.go", i))
	}
	return dir
}

// BenchmarkNames takes the names of a million files, as they arrive: memory is what it costs.
func BenchmarkNames(b *testing.B) {
	paths := make([]string, 0, 1_001_000)
	for i := range 1000 {
		for j := range 1000 {
			paths = append(paths, fmt.Sprintf("lib/d%d/file%d.txt", i, j))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		var names Names
		for _, path := range paths {
			if err := names.Add(path, File); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-in-use")
		runtime.KeepAlive(&names)
		b.StartTimer()
	}
	runtime.KeepAlive(paths)
}
