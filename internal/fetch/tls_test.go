package fetch_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gostore/internal/fetch"
	"gostore/internal/textfile"
)

// quiet is for servers whose clients do not like their certificates.
var quiet = log.New(io.Discard, "", 0)

var greeting = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("hello")) })

func TestPrivateAuthority(t *testing.T) {
	private := newAuthority(t, "Corp \x1bCA")
	server := private.serve(t, greeting)
	roots, err := fetch.Roots(private.pem(t))
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.Client{Roots: roots}
	defer client.CloseIdle()
	if got, err := client.Get(t.Context(), server.URL, 9); err != nil || string(got) != "hello" {
		t.Errorf("with its authority: %q, %v", got, err)
	}
	pauses := 0
	stranger := fetch.Client{Pause: func(context.Context, time.Duration) error { pauses++; return nil }}
	_, err = stranger.Get(t.Context(), server.URL, 9)
	var unknown *fetch.AuthorityError
	if !errors.As(err, &unknown) || unknown.Issuer != "Corp CA" || pauses != 0 || !strings.Contains(err.Error(), server.URL) {
		t.Errorf("without: %v after %d pauses", err, pauses)
	}
	var network *fetch.Error
	if !errors.As(err, &network) {
		t.Errorf("%T is not a network error", err)
	}
}

func TestRoots(t *testing.T) {
	good := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: newAuthority(t, "a").cert.Raw})
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")})
	damaged := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("nonsense")})
	for _, tt := range []struct {
		name string
		data []byte
		line int // of the complaint, 0 for none
	}{
		{"one", good, 0},
		{"two, and text", slicesOf("# from the intranet\n", good, "\nsubject=b\n", good, "end\n"), 0},
		{"empty", nil, 1},
		{"no PEM", []byte("hello\n"), 1},
		{"a key", slicesOf("# x\n", key), 2},
		{"a key behind a certificate", slicesOf(good, key), bytes.Count(good, []byte("\n")) + 1},
		{"no certificate in it", slicesOf(good, "\n\n", damaged, good), bytes.Count(good, []byte("\n")) + 3},
		{"cut off", good[:len(good)-20], 1},
		{"cut off at the end", slicesOf(good, good[:len(good)/2]), bytes.Count(good, []byte("\n")) + 1},
	} {
		path := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(path, tt.data, 0o600); err != nil {
			t.Fatal(err)
		}
		pool, err := fetch.Roots(path)
		var place *textfile.Error
		switch {
		case tt.line == 0:
			if err != nil || pool == nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		case !errors.As(err, &place) || place.File != path || place.Line != tt.line || strings.Contains(err.Error(), "secret"):
			t.Errorf("%s: %v, want line %d", tt.name, err, tt.line)
		}
	}
	if _, err := fetch.Roots(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func slicesOf(parts ...any) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case []byte:
			b.Write(p)
		}
	}
	return b.Bytes()
}

const (
	childURL   = "FETCH_TEST_URL"
	childRoots = "FETCH_TEST_ROOTS"
)

// TestSystemRoots holds that SSL_CERT_FILE and SSL_CERT_DIR keep their meaning, alone and beside a file of certificates. The pool
// of the system is read once in a process, so each case is a process.
func TestSystemRoots(t *testing.T) {
	if url := os.Getenv(childURL); url != "" {
		getAsChild(t, url, os.Getenv(childRoots))
		return
	}
	if _, err := os.Stat("/etc/ssl"); err != nil {
		t.Skip("a system whose certificates are not files")
	}
	system, other := newAuthority(t, "system"), newAuthority(t, "other")
	server := system.serve(t, greeting)
	file, unrelated := system.pem(t), other.pem(t)
	for _, tt := range []struct {
		name string
		env  []string
		ok   bool
	}{
		{"neither", []string{"SSL_CERT_FILE=" + unrelated}, false},
		{"file", []string{"SSL_CERT_FILE=" + file}, true},
		{"directory", []string{"SSL_CERT_FILE=" + unrelated, "SSL_CERT_DIR=" + filepath.Dir(file)}, true},
		{"file, and roots", []string{"SSL_CERT_FILE=" + file, childRoots + "=" + unrelated}, true},
		{"roots only", []string{"SSL_CERT_FILE=" + unrelated, childRoots + "=" + file}, true},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSystemRoots$")
		cmd.Env = append(os.Environ(), append(tt.env, childURL+"="+server.URL)...)
		if out, err := cmd.CombinedOutput(); (err == nil) != tt.ok {
			t.Errorf("%s: %v\n%s", tt.name, err, out)
		}
	}
}

func getAsChild(t *testing.T, url, roots string) {
	client := &fetch.Client{}
	if roots != "" {
		pool, err := fetch.Roots(roots)
		if err != nil {
			t.Fatal(err)
		}
		client.Roots = pool
	}
	defer client.CloseIdle()
	if _, err := client.Get(t.Context(), url, 9); err != nil {
		t.Fatal(err)
	}
}
