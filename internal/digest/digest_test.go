package digest

import (
	"encoding/json"
	"strings"
	"testing"
)

// The digest of nothing is published in BLAKE3's own test vectors.
const emptyHex = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"

func TestSumIsBLAKE3(t *testing.T) {
	if got := Sum(nil).Hex(); got != emptyHex {
		t.Errorf("digest of nothing is %s", got)
	}
	h := NewHash()
	h.Write([]byte("ab"))
	h.Write([]byte("c"))
	if h.Content() != Sum([]byte("abc")) {
		t.Error("a stream and a slice of equal bytes differ")
	}
	h.Reset()
	if h.Content() != Sum(nil) {
		t.Error("Reset does not forget")
	}
}

func TestTreeText(t *testing.T) {
	want := Tree(Sum(nil))
	if got, err := ParseTree("b3:" + emptyHex); err != nil || got != want || got.String() != "b3:"+emptyHex {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{
		"", "b3:", emptyHex, "b3:" + emptyHex[1:], "b3:" + emptyHex + "0",
		"b3:" + strings.ToUpper(emptyHex), "b3:" + "g" + emptyHex[1:], "sha256:" + emptyHex,
	} {
		if got, err := ParseTree(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	var box struct {
		Known   Tree
		Unknown Tree
	}
	box.Known = want
	data, err := json.Marshal(box)
	if err != nil {
		t.Fatal(err)
	}
	was := box
	box.Unknown = want
	if err := json.Unmarshal(data, &box); err != nil || box != was {
		t.Errorf("%s gave %v, %v", data, box, err)
	}
}

func TestArchiveNotations(t *testing.T) {
	sha512 := "sha512-" + strings.Repeat("A", 86) + "=="
	for text, algorithm := range map[string]string{
		"h1:bNlzYVDdz3HI0dMPvwv7Fxx9i4gPk9afUcR+fLwLB64=": "h1",
		"sha256:" + emptyHex:                              "sha256",
		sha512:                                            "sha512",
	} {
		a, err := ParseArchive(text)
		if err != nil || a.String() != text || a.Algorithm() != algorithm {
			t.Fatalf("%s: %v, %v", text, a, err)
		}
		name := a.FileName()
		if !strings.HasPrefix(name, algorithm+"-") || strings.ContainsAny(name, "/+=") {
			t.Errorf("file name %q", name)
		}
		if back, err := ParseArchiveFileName(name); err != nil || back != a {
			t.Errorf("%s: %v, %v", name, back, err)
		}
	}
}

func TestOneSpellingPerArchiveDigest(t *testing.T) {
	for _, bad := range []string{
		"", "h1:", "h1:AAAA", "h1:" + strings.Repeat("A", 43), "h1:" + strings.Repeat("A", 42) + "B=",
		"sha256:" + strings.ToUpper(emptyHex), "sha256:" + emptyHex + "00", "sha512:" + emptyHex, "md5:00",
		"sha256-" + emptyHex, "h1:" + strings.Repeat("A", 43) + "=\n",
	} {
		if a, err := ParseArchive(bad); err == nil {
			t.Errorf("%q: %v", bad, a)
		}
	}
	for _, bad := range []string{"", "h1-", "h1-00", "sha256-" + strings.ToUpper(emptyHex), "x-" + emptyHex} {
		if a, err := ParseArchiveFileName(bad); err == nil {
			t.Errorf("%q: %v", bad, a)
		}
	}
}

func FuzzParseArchive(f *testing.F) {
	f.Add("h1:bNlzYVDdz3HI0dMPvwv7Fxx9i4gPk9afUcR+fLwLB64=")
	f.Add("sha256:" + emptyHex)
	f.Add("sha512-" + strings.Repeat("A", 86) + "==")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseArchive(s)
		if err != nil {
			return
		}
		if a.String() != s {
			t.Fatalf("%q became %q", s, a)
		}
		if back, err := ParseArchiveFileName(a.FileName()); err != nil || back != a {
			t.Fatalf("%q: %v, %v", a.FileName(), back, err)
		}
	})
}
