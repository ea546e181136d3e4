package toolchains

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gostore/tests/upstream"
)

// open serves an empty cache of what a test's upstream has.
func open(t *testing.T) (*Cache, *upstream.Server) {
	t.Helper()
	server := upstream.Start(t, upstream.Config{})
	t.Setenv("GOPROXY", server.URL+",off")
	t.Setenv("GOENV", "off")
	c, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, server
}

func TestFetchOnce(t *testing.T) {
	c, server := open(t)
	if err := c.Fetch(t.Context(), "go1.22.6"); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if err := c.Fetch(t.Context(), "go1.22.6"); err != nil {
		t.Errorf("what was fetched before: %v", err)
	}
	zip, err := os.ReadFile(c.Zip("go1.22.6"))
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := os.ReadFile(c.Zip("go1.22.6") + "hash"); string(sum) != upstream.HashZip(zip) {
		t.Errorf("its hash is said to be %q, %v, want %q", sum, err, upstream.HashZip(zip))
	}
	if got := served(t, c.URL+"/"+files("go1.22.6")+".zip"); !bytes.Equal(got, zip) {
		t.Error("the server has another zip than the directory")
	}
	if err := c.Fetch(t.Context(), "go1.99.0"); err == nil {
		t.Error("fetching a version that there is not succeeded")
	}
}

// What belongs to a checksum database is handed on and kept, but not where file:// would see it.
func TestDatabaseIsApart(t *testing.T) {
	c, server := open(t)
	url := "/sumdb/" + upstream.Host + "/supported"
	served(t, c.URL+url)
	server.Close()
	served(t, c.URL+url)
	if _, err := os.Stat(filepath.Join(c.dir, "proxy", "sumdb")); err == nil {
		t.Error("the file:// proxy has a checksum database, which has holes")
	}
	resp, err := http.Get(c.URL + "/sumdb/" + upstream.Host + "/latest")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadGateway {
		t.Errorf("what is not there, without upstream: %s", resp.Status)
	}
}

func TestArchive(t *testing.T) {
	c, server := open(t)
	if err := c.Fetch(t.Context(), "go1.22.6"); err != nil {
		t.Fatal(err)
	}
	server.Close()
	name, sum, err := c.Archive(t.Context(), "go1.22.6", "tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	data := served(t, c.MirrorURL()+"/"+filepath.Base(name))
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum || string(served(t, c.MirrorURL()+"/"+filepath.Base(name)+".sha256")) != sum {
		t.Errorf("its digest is said to be %s, and is %x", sum, got)
	}
	modes := modesOf(t, data)
	if modes["go/bin/go"] != 0o755 || modes["go/VERSION"] != 0o644 {
		t.Errorf("modes %v: want go/bin/go 755 and go/VERSION 644", modes)
	}
	if again, same, err := c.Archive(t.Context(), "go1.22.6", "tar.gz"); err != nil || again != name || same != sum {
		t.Errorf("the second time it is %q, %s, %v", again, same, err)
	}
}

func TestGenerated(t *testing.T) {
	c, _ := open(t)
	name, _, err := c.Generated(t.Context(), 250)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(modesOf(t, data)); n != 250 {
		t.Errorf("it has %d files, want 250", n)
	}
}

// An archive that could not be made is not taken for one the next time.
func TestArchiveFails(t *testing.T) {
	c, _ := open(t)
	for range 2 {
		if _, _, err := c.made(t.Context(), "x.tar.gz", []string{"gzip"}, func(io.Writer) error { return fs.ErrPermission }); err == nil {
			t.Error("an archive of which nothing could be written was made")
		}
	}
	if _, err := exec.LookPath("false"); err == nil {
		if _, _, err := c.made(t.Context(), "y.tar.gz", []string{"false"}, func(w io.Writer) error { return generate(w, 10000) }); err == nil {
			t.Error("an archive whose compressor failed was made")
		}
	}
}

func served(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return data
}

// modesOf returns the modes of the entries of a tar.gz.
func modesOf(t *testing.T, data []byte) map[string]int64 {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]int64{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return modes
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[h.Name] = h.Mode
	}
}
