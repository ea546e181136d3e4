package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"gostore/store"
)

// memoryMost is what a process may take that unpacks an archive into a store, whatever the archive is.
const memoryMost = 250 << 20

// TestMain is the process that TestMemory measures, if it is told to be.
func TestMain(m *testing.M) {
	if name := os.Getenv("GOSTORE_TEST_UNPACK"); name != "" {
		if err := unpackMeasured(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// unpackMeasured unpacks a file into a new store beside it and prints the most memory that the process had, in
// KiB, and the error.
func unpackMeasured(name string) error {
	debug.SetMemoryLimit(180 << 20) // as cmd/gostore does
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s, err := store.Open(name + ".store")
	if err != nil {
		return err
	}
	defer s.Close()
	spec := store.Spec{Name: "tool", Version: "1.0"}
	_, refused := s.Add(background, spec, func(g *store.Stage) error {
		return Unpack(background, f, info.Size(), Options{}, g, nil)
	})
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	// Not getrusage, whose maximum includes what the process had before it became this program.
	fmt.Println(highWater(string(status)), refused)
	return nil
}

// highWater returns the most memory, in KiB, of the process whose /proc/<pid>/status this is.
func highWater(status string) int64 {
	_, rest, _ := strings.Cut(status, "VmHWM:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.ParseInt(number, 10, 64) // 0 where it does not say
	return n
}

// TestMemory unpacks archives that need much memory, each in a process of its own, and looks at the most that it had.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes hundreds of megabytes")
	}
	if detectingRaces {
		t.Skip("a program that detects races needs several times the memory")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skipf("cannot tell the memory of a process here: %v", err)
	}
	for name, test := range map[string]struct {
		write func(w io.Writer) error
		want  string // of the error
	}{
		"xz_dictionary":    {writeXZ(4, 60<<20), "<nil>"},
		"xz_blocks":        {writeXZ(40, 4<<20), "<nil>"},
		"zstd_window":      {writeZstd(maxZstdWindow, 200<<20), "<nil>"},
		"zstd_frames":      {writeZstdFrames(8), "<nil>"},
		"tar_names":        {writeNames(16_000, 1000), "<nil>"},
		"tar_names_beyond": {writeNames(25_000, 1000), "is beyond the 16777216 bytes that all names may have together"},
		"tar_links":        {writeLinks(30_000, "f"), "<nil>"},
		"tar_links_long":   {writeLinks(20_000, strings.Repeat("./", 1000)+"f"), "is beyond the 16777216 bytes that all names may have together"},
		"tar_large_files":  {writeSizes(8<<20, 30), "<nil>"},
		"zip_names":        {writeZipNames(16_000, 1000), "<nil>"},
		"zip_large_file":   {writeZipLarge(300 << 20), "<nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(quickDir(t), "archive")
			f, err := os.Create(file)
			if err == nil {
				err = test.write(f)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(os.Args[0])
			cmd.Env, cmd.Stderr = append(os.Environ(), "GOSTORE_TEST_UNPACK="+file), os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			number, refused, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
			most, err := strconv.Atoi(number)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d MB", most>>10)
			if most > memoryMost>>10 {
				t.Errorf("took %d MB", most>>10)
			}
			if !strings.Contains(refused, test.want) {
				t.Errorf("got %s, want %s", refused, test.want)
			}
		})
	}
}

// quickDir returns a temporary directory, in memory where that can be had: that is no part of what a process takes.
func quickDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "gostore-test-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() {
		unsealAll(dir)
		os.RemoveAll(dir)
	})
	return dir
}

// unsealAll lets the test's clean-up remove objects.
func unsealAll(dir string) { exec.Command("chmod", "-R", "u+w", dir).Run() }

// writeXZ returns what writes streams of size bytes, each with the largest dictionary that is allowed. Their content, together, is a
// program.
func writeXZ(streams, size int) func(io.Writer) error {
	return func(w io.Writer) error {
		content := bytes.Repeat([]byte("#!/bin/sh and more, 32 bytes of"), size/32)
		for range streams {
			if _, err := w.Write(xzStored(maxWindow, content)); err != nil {
				return err
			}
		}
		return nil
	}
}

func writeZstd(window, size int) func(io.Writer) error {
	return func(w io.Writer) error {
		z, err := zstd.NewWriter(w, zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
		if err != nil {
			return err
		}
		for n := 0; n < size>>20; n++ {
			if _, err := io.WriteString(z, "#!/bin/sh"+noise(byte(n), 1<<20)); err != nil {
				return err
			}
		}
		return z.Close()
	}
}

// writeZstdFrames returns what writes frames of 8 MB, which state windows of the largest size.
func writeZstdFrames(n int) func(io.Writer) error {
	return func(w io.Writer) error {
		for range n {
			if err := writeZstd(maxZstdWindow, 8<<20)(w); err != nil {
				return err
			}
		}
		return nil
	}
}

// writeNames returns what writes a tar of n empty files with names of length bytes, all different from the first byte on.
func writeNames(n, length int) func(io.Writer) error {
	return func(w io.Writer) error {
		for i := range n {
			name := longName(i, length)
			if _, err := w.Write(append(tarEntry('L', "", map[string]string{"content": name + "\x00"}), tarEntry('0', "x", nil)...)); err != nil {
				return err
			}
		}
		_, err := w.Write(make([]byte, 2*tarBlock))
		return err
	}
}

// longName returns the i-th of many names of one length, in the same directories: a long name takes as much room as several short
// ones, and the time of one file.
func longName(i, length int) string {
	const element = 200
	var b strings.Builder
	for length-b.Len() > element {
		b.WriteString(strings.Repeat("d", element-1) + "/")
	}
	return b.String() + strings.Repeat(fmt.Sprintf("%08dA", i), length)[:length-b.Len()]
}

// writeLinks returns what writes a tar of a file and n links to it, each to the one before.
func writeLinks(n int, target string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(tarEntry('0', "f", nil))
		for i := 0; i < n && err == nil; i++ {
			_, err = w.Write(append(tarEntry('K', "", map[string]string{"content": target + "\x00"}), tarEntry('2', fmt.Sprint(i), nil)...))
		}
		if err == nil {
			_, err = w.Write(make([]byte, 2*tarBlock))
		}
		return err
	}
}

// writeSizes returns what writes a tar of n files of size bytes.
func writeSizes(size, n int) func(io.Writer) error {
	return func(w io.Writer) error {
		for i := range n {
			if _, err := w.Write(tarEntry('0', fmt.Sprint(i), map[string]string{"content": noise(byte(i), size)})); err != nil {
				return err
			}
		}
		_, err := w.Write(make([]byte, 2*tarBlock))
		return err
	}
}

func writeZipNames(n, length int) func(io.Writer) error {
	return func(w io.Writer) error {
		var s shape
		for i := range n {
			s.members = append(s.members, part{name: longName(i, length), stored: true})
		}
		s.zip64 = n > none16
		_, err := w.Write(s.build())
		return err
	}
}

// writeZipLarge returns what writes a zip of a stored file of size bytes, and of another one.
func writeZipLarge(size int) func(io.Writer) error {
	return func(w io.Writer) error {
		z := zip.NewWriter(w)
		if err := storeZip(z, "large", []byte(noise(1, 1<<20)), size>>20); err != nil {
			return err
		}
		if err := storeZip(z, "other", []byte(noise(2, 1<<20)), 20); err != nil {
			return err
		}
		return z.Close()
	}
}

// storeZip adds a file of n times the same piece.
func storeZip(z *zip.Writer, name string, piece []byte, n int) error {
	sum := uint32(0)
	for range n {
		sum = crc32.Update(sum, crc32.IEEETable, piece)
	}
	size := uint64(n * len(piece))
	w, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Store, CRC32: sum, CompressedSize64: size, UncompressedSize64: size})
	for i := 0; i < n && err == nil; i++ {
		_, err = w.Write(piece)
	}
	return err
}

// background is for the process that TestMemory starts, which has no test.
var background = context.Background()
