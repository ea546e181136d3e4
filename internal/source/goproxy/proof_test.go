package goproxy

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// realProof returns a proof of a test database, and the Source whose key it is for.
func realProof(t testing.TB) (*Source, []byte) {
	t.Helper()
	server := upstream.Start(t, upstream.Config{})
	s, err := New(Config{Proxies: server.URL, Dir: t.TempDir(), VerifierKey: server.Key, Host: linux})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.CloseIdle)
	if _, err := s.newSession(t.Context()).lookup(moduleVersion("1.22.6", linux)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(s.proofFile(moduleVersion("1.22.6", linux)))
	if err != nil {
		t.Fatal(err)
	}
	return s, data
}

// No byte of a proof can be changed without notice, except that the signature's base64 may
// end in other unused bits.
func TestEveryByteOfAProofCounts(t *testing.T) {
	s, data := realProof(t)
	p, err := parseProof(data)
	if err != nil || p.check(s.verifier) != nil {
		t.Fatalf("proof is wrong: %v", err)
	}
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		same := false
		if i >= len(data)-len("x=\n") {
			_, err := openHead(changed[bytes.Index(changed, []byte("go.sum database")):], s.verifier)
			same = err == nil
		}
		if p, err := parseProof(changed); err == nil && p.check(s.verifier) == nil && !same {
			t.Errorf("a proof with byte %d changed (%q) is believed", i, changed[max(0, i-10):min(len(data), i+10)])
		}
		if p, err := parseProof(data[:i]); err == nil && p.check(s.verifier) == nil {
			t.Errorf("the first %d bytes are believed", i)
		}
	}
}

// A good proof under the name of another toolchain says nothing about that one.
func TestProofOfAnotherToolchain(t *testing.T) {
	s, data := realProof(t)
	other := moduleVersion("1.22.5", linux)
	if err := os.WriteFile(s.proofFile(other), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.keptProof(other); ok {
		t.Error("it was taken for the other's")
	}
	if _, ok := s.keptProof(moduleVersion("1.22.6", linux)); !ok {
		t.Error("it was not found under its own name")
	}
}

func TestProofOfAnotherDatabase(t *testing.T) {
	s, _ := realProof(t)
	official, err := New(Config{Dir: s.dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := official.keptProof(moduleVersion("1.22.6", linux)); ok {
		t.Error("a proof signed with a test's key is believed")
	}
}

// This record, path and head are of the Go checksum database itself.
func TestOfficialProof(t *testing.T) {
	data, err := os.ReadFile("testdata/go1.22.6.linux-amd64.proof")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := parseProof(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.check(s.verifier); err != nil {
		t.Error(err)
	}
	h, err := s.digestIn(p.text, moduleVersion("1.22.6", linux))
	if err != nil || !strings.HasPrefix(h.String(), "h1:bNlzYVDdz3HI") {
		t.Errorf("digest is %v, %v", h, err)
	}
}
