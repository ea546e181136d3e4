package asset

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"aead.dev/minisign"

	"gostore/internal/definition"
	"gostore/internal/digest"
)

// newKey returns a key pair, the public one as definitions have it.
func newKey(t *testing.T) (private minisign.PrivateKey, public string) {
	key, private, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return private, key.String()
}

// sign returns the signature of data, with a trusted comment as minisign writes it.
func sign(t *testing.T, key minisign.PrivateKey, data []byte, comment string) []byte {
	r := minisign.NewReader(bytes.NewReader(data))
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	return r.SignWithComments(key, comment, "signature")
}

func TestSignature(t *testing.T) {
	f := newFixture(t)
	private, public := newKey(t)
	other, _ := newKey(t)
	d := f.tool()
	d.Signature = &definition.Signature{Minisign: public, URL: "{url}.minisig"}
	f.defs["x"] = d
	f.publish("1.2.0", forLinux)
	r := f.mustResolve("x@1.2.0", linux)
	data, at := f.files["/x/1.2.0/"+forLinux], "/x/1.2.0/"+forLinux+".minisig"
	comment := "timestamp:1\tfile:" + forLinux + "\thashed"
	good := sign(t, private, data, comment)
	for _, tt := range []struct {
		name      string
		signature []byte
		want      string // "" when it is right
	}{
		{"right", good, ""},
		{"of other bytes", sign(t, private, data[1:], comment), "is not that of this file by this key"},
		{"of another file", sign(t, private, data, "timestamp:1\tfile:x-1.1.0.tar.gz\thashed"), `is for the file "x-1.1.0.tar.gz"`},
		{"without a file name", sign(t, private, data, "timestamp:1"), "does not say for which file it is"},
		{"by another key", sign(t, other, data, comment), "is by the key"},
		{"comment exchanged", bytes.Replace(sign(t, private, data, "file:y"), []byte("file:y"), []byte(comment), 1), "is not that of this file by this key"},
		{"old kind", minisign.SignWithComments(private, data, comment, "x"), "is of the old kind"},
		{"cut off", good[:len(good)-10], "invalid signature"},
		{"something else", []byte("hello"), "invalid signature"},
		{"empty", nil, "invalid signature"},
	} {
		f.files[at] = tt.signature
		_, err := installed(t, f.Source, r, linux)
		var bad *SignatureError
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (!errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) || bad.Of != forLinux || !strings.HasSuffix(bad.URL, at)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestSignatureMissing(t *testing.T) {
	f := newFixture(t)
	private, public := newKey(t)
	d := f.tool()
	d.Signature = &definition.Signature{Minisign: public, URL: "{url}.minisig"}
	f.defs["x"] = d
	f.publish("1.2.0", forLinux)
	r := f.mustResolve("x@1.2.0", linux)
	if _, err := installed(t, f.Source, r, linux); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a signature: %v", err)
	}
	data := f.files["/x/1.2.0/"+forLinux]
	f.files["/x/1.2.0/"+forLinux+".minisig"] = sign(t, private, data, "file:"+forLinux)
	f.files["/x/1.2.0/"+forLinux] = append(bytes.Clone(data), 0)
	var mismatch *digest.MismatchError
	if _, err := installed(t, f.Source, r, linux); !errors.As(err, &mismatch) {
		t.Errorf("damaged on the way: %v", err)
	}
	f.files["/x/1.2.0/"+forLinux] = data
	delete(f.files, "/x/1.2.0/"+forLinux+".minisig")
	delete(f.defs, "x")
	if _, err := installed(t, f.Source, r, linux); err != nil {
		t.Errorf("without the definition: %v", err)
	}
}
