package listing

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	sumA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	sumB = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
)

// sum512 is the SHA-512 of nothing, in hexadecimal and in gostore's notation.
const (
	sum512 = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
	sri512 = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
)

// pkt returns a pkt-line.
func pkt(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }

// ref returns the packet of a reference.
func ref(name string) string { return pkt(strings.Repeat("a", 40) + " " + name + "\n") }

var service = pkt("# service=git-upload-pack\n") + "0000"

func TestTags(t *testing.T) {
	answer := service + pkt(strings.Repeat("0", 40)+" HEAD\x00multi_ack symref=HEAD:refs/heads/main\n") +
		ref("refs/heads/main") + ref("refs/tags/v1.0.0") + ref("refs/tags/v1.0.0^{}") + ref("refs/tags/cmd/x/v2") +
		pkt(strings.Repeat("b", 64)+" refs/tags/v3") + "0000"
	got, err := Tags([]byte(answer))
	if diff := cmp.Diff([]string{"v1.0.0", "cmd/x/v2", "v3"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, err := Tags([]byte(service + pkt(strings.Repeat("0", 40)+" capabilities^{}\x00x") + "0000")); err != nil || len(got) > 0 {
		t.Errorf("empty repository: %v, %v", got, err)
	}
	for at := range len(answer) - 1 {
		if got, err := Tags([]byte(answer[:at])); err == nil {
			t.Fatalf("cut off after %d bytes: %v", at, got)
		}
	}
}

func TestTagsRefuses(t *testing.T) {
	for answer, want := range map[string]string{
		"":                            "is empty",
		" <!DOCTYPE html><html>":      "is a web page",
		"aaaa\trefs/tags/v1\n":        "does not answer as a git repository does",
		pkt("# service=git-x") + "00": "does not answer as a git repository does",
		pkt("# service=git-upload-pack") + ref("refs/tags/v1"): "no flush packet after the service's name",
		service + "0001":                                                  `"0001" is not the length of a packet`,
		service + "fff1":                                                  `"fff1" is not the length of a packet`,
		service + "+0a0":                                                  `"+0a0" is not the length of a packet`,
		service + "00ff":                                                  "cut off",
		service + ref("refs/tags/v1"):                                     "cut off",
		service + pkt("aaaa refs/tags/v1") + "0000":                       "is no reference",
		service + pkt(strings.Repeat("g", 40)+" x") + "0000":              "is no reference",
		service + pkt(strings.Repeat("a", 40)+" ") + "0000":               "is no reference",
		service + ref("refs/tags/v1") + ref("refs/tags/v2\x00x") + "0000": "capabilities in a packet that is not the first",
		service + "0000" + ref("refs/tags/v1"):                            "goes on after the last packet",
	} {
		if got, err := Tags([]byte(answer)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want an error with %q", answer, got, err, want)
		}
	}
}

func TestLines(t *testing.T) {
	got, err := Lines([]byte("v1.2.3\r\n\n 1.0 \n"))
	if diff := cmp.Diff([]string{"v1.2.3", "1.0"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for text, want := range map[string]string{
		" \n": "is empty", "<html>": "is a web page", "v1\x00": "is no text", "v1\nnot found\n": `line 2: "not found" is no version`,
		strings.Repeat("1", 201): "line 1",
	} {
		if got, err := Lines([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want an error with %q", text, got, err, want)
		}
	}
	if _, err := Lines([]byte(strings.Repeat("1\n", MaxVersions+1))); err == nil {
		t.Error("there is no limit")
	}
}

func TestJSON(t *testing.T) {
	for _, tt := range []struct{ document, path, want string }{
		{`[{"version":"1.2"},{"version":"1.1"}]`, "*.version", "1.2 1.1"},
		{`{"versions":{"1.1":{},"1.0":{}}}`, "versions.@key", "1.0 1.1"},
		{`{"a":{"v":"1"},"b":{"v":"2"}}`, "*.v", "1 2"},
		{`{"tag":"v1"}`, "tag", "v1"},
		{`["1","2"]`, "*", "1 2"},
		{`[]`, "*", ""},
	} {
		got, err := JSON([]byte(tt.document), tt.path)
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%s in %s: %v, %v", tt.path, tt.document, got, err)
		}
	}
	for _, tt := range []struct{ document, path, want string }{
		{"", "*", "is empty"},
		{"<!doctype html>", "*", "is a web page"},
		{`[{"v":1`, "*", "cut off"},
		{`[] x`, "*", "goes on at byte"},
		{`{]`, "*", "is not JSON: byte 2"},
		{`[{"v":1}]`, "*.v", `"[0].v" is a number, not a string`},
		{`[{"v":null}]`, "*.v", `is null, not a string`},
		{`[{"w":"1"}]`, "*.v", `"[0]" has no member "v"`},
		{`{"a":[]}`, "a.@key", `"a" is an array, not an object with versions for names`},
		{`{"a":{}}`, "@key.a", "the document is an object"},
		{`{"a":"x"}`, "a.*", `"a" is a string, neither an array nor an object`},
		{`true`, "a", `the document has no member "a"`},
	} {
		got, err := JSON([]byte(tt.document), tt.path)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s in %s: %v, %v; want an error with %q", tt.path, tt.document, got, err, tt.want)
		}
	}
}

func TestNode(t *testing.T) {
	x, err := Node([]byte(`[{"version":"v25.1.0","date":"2026-01-02","files":["linux-x64"],"lts":false},
		{"version":"v22.1.0","lts":"Jod"},{"version":"v20.9.0","lts":"Iron"}]`))
	want := Index{
		Versions: []string{"25.1.0", "22.1.0", "20.9.0"},
		Channels: map[string][]string{"lts": {"22.1.0", "20.9.0"}, "jod": {"22.1.0"}, "iron": {"20.9.0"}},
	}
	if diff := cmp.Diff(want, x); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for text, want := range map[string]string{
		`{}`:                             "is not the JSON that it should be",
		`[{"version":"22.1.0"}]`:         "does not begin with a v",
		`[{"version":"v22","lts":true}]`: "lts is neither false nor a name",
		`[{"version":"v22"}]`:            "lts is neither false nor a name",
	} {
		if x, err := Node([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want an error with %q", text, x, err, want)
		}
	}
}

func TestZig(t *testing.T) {
	file := `{"tarball":"https://zig.test/a.tar.xz","shasum":"` + sumA + `","size":"12"}`
	x, err := Zig([]byte(`{"master":{"version":"0.16.0-dev.1+ab","date":"2026-01-01","docs":"https://x","x86_64-linux":` + file + `,"src":{}},
		"0.13.0":{"notes":"n","bootstrap":{},"aarch64-macos":` + file + `}}`))
	d, _ := SHA256(sumA)
	f := File{"https://zig.test/a.tar.xz", d, 12}
	want := Index{
		Versions: []string{"0.13.0", "0.16.0-dev.1+ab"},
		Channels: map[string][]string{"master": {"0.16.0-dev.1+ab"}},
		Files:    map[string]map[string]File{"0.13.0": {"aarch64-macos": f}, "0.16.0-dev.1+ab": {"x86_64-linux": f}},
	}
	if diff := cmp.Diff(want, x, cmp.Comparer(func(a, b File) bool { return a == b })); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for text, want := range map[string]string{
		`[]`:                                    "is not the JSON that it should be",
		`{"0.1":{"version":1}}`:                 `"0.1": its version is not a string`,
		`{"0.1":{},"master":{"version":"0.1"}}`: `version "0.1" occurs twice`,
		`{"0.1":{"x86_64-linux":{"shasum":"` + sumA + `"}}}`:                               `"x86_64-linux": states no tarball`,
		`{"0.1":{"x86_64-linux":{"tarball":"u","shasum":"abcd"}}}`:                         "has 2 bytes, want 32",
		`{"0.1":{"x86_64-linux":{"tarball":"u","shasum":"` + sumA + `","size":"-1"}}}`:     `size "-1" is no number of bytes`,
		`{"0.1":{"x86_64-linux":{"tarball":"u","shasum":"x` + sumA[1:] + `","size":"1"}}}`: "is not hexadecimal",
	} {
		if x, err := Zig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want an error with %q", text, x, err, want)
		}
	}
}

func TestChecksum(t *testing.T) {
	for text, want := range map[string]string{
		sumA + "  x.tar.gz\n":                                                            "sha256:" + sumA,
		sumB + "  y\n" + sumA + " *x.tar.gz\n":                                           "sha256:" + sumA,
		sumA + "  ./x.tar.gz":                                                            "sha256:" + sumA,
		strings.ToUpper(sumA) + "  x.tar.gz\r\n":                                         "sha256:" + sumA,
		"\ufeff" + sumA + "  x.tar.gz":                                                   "sha256:" + sumA,
		"SHA256 (x.tar.gz) = " + sumA + "\n":                                             "sha256:" + sumA,
		"SHA2-256(x.tar.gz)= " + sumA + "\n":                                             "sha256:" + sumA,
		sumA + "  x.tar.gz\n" + sumA + "  ./x.tar.gz\n":                                  "sha256:" + sumA,
		sum512 + "  x.tar.gz\n":                                                          sri512,
		sum512 + "  x.tar.gz\n" + sumA + "  x.tar.gz":                                    "sha256:" + sumA,
		"d41d8cd98f00b204e9800998ecf8427e  x.tar.gz\n" + "SHA512 (x.tar.gz) = " + sum512: sri512,
		"# checksums\n\n" + sumB + "  sub/x.tar.gz\n" + sumA + "  x.tar.gz\n":            "sha256:" + sumA,
		sumA + "\tx.tar.gz":                                                              "sha256:" + sumA,
	} {
		if d, err := Checksum([]byte(text), "x.tar.gz", false); err != nil || d.String() != want {
			t.Errorf("%q: %v, %v; want %s", text, d, err, want)
		}
	}
	for text, want := range map[string]string{sumA: "sha256:" + sumA, sum512 + "\n": sri512, sumA + "  x.tar.gz": "sha256:" + sumA} {
		if d, err := Checksum([]byte(text), "x.tar.gz", true); err != nil || d.String() != want {
			t.Errorf("alone, %q: %v, %v; want %s", text, d, err, want)
		}
	}
}

func TestChecksumRefuses(t *testing.T) {
	for _, tt := range []struct {
		text  string
		alone bool
		want  string
	}{
		{"", false, "is empty"},
		{"<html>" + sumA + "  x.tar.gz", false, "is a web page"},
		{sumA + "  x.tar.gz\n" + sumB + "  x.tar.gz\n", false, "line 2: contradicts another line"},
		{sumA[:62] + "  x.tar.gz\n", false, `line 1: "` + sumA[:62] + `" is no digest`},
		{sumA[1:] + "g  x.tar.gz\n", false, `g" is no digest`},
		{sumA[:40] + "  x.tar.gz\n", false, `has only a sha1 digest of "x.tar.gz"`},
		{"SHA256 (x.tar.gz) = abcd", false, "has 2 bytes, want 32"},
		{sumA + "  x.tar.gz.sig\n" + sumA + "  sub/x.tar.gz", false, `has no line for "x.tar.gz"`},
		{sumA, false, `has no line for "x.tar.gz"`},
		{sumA[:40], true, "has only a sha1 digest"},
		{sumA[:63], true, "is no digest"},
		{"z" + sumA[1:], true, "is no digest"},
	} {
		d, err := Checksum([]byte(tt.text), "x.tar.gz", tt.alone)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !d.IsZero() {
			t.Errorf("%q: %v, %v; want an error with %q", tt.text, d, err, tt.want)
		}
		if errors.Is(err, fs.ErrNotExist) != strings.Contains(tt.want, "no line") {
			t.Errorf("%q: %v is or is not fs.ErrNotExist", tt.text, err)
		}
	}
}
