package asset

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gostore/internal/definition"
	"gostore/internal/release"
)

// internet answers for every host: what it was told by URL, and 404.
type internet map[string]string

func (n internet) RoundTrip(r *http.Request) (*http.Response, error) {
	body, ok := n[r.URL.String()]
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, ProtoMajor: 1, ProtoMinor: 1}
	if !ok {
		resp.StatusCode = http.StatusNotFound
	}
	resp.ContentLength = int64(len(body))
	resp.Body = io.NopCloser(bytes.NewReader([]byte(body)))
	return resp, nil
}

// announce makes the internet list a version of a tool.
func (n internet) announce(d definition.Definition, v string) {
	sum := fmt.Sprintf("%x", sha256.Sum256(nil))
	tag := strings.ReplaceAll(d.Versions.Tag, "{version}", v)
	switch versions := d.Versions; {
	case versions.Git != "":
		if tag == "" {
			tag = "v" + v
		}
		pkt := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
		n[versions.Git+"/info/refs?service=git-upload-pack"] = pkt("# service=git-upload-pack\n") + "0000" + pkt(strings.Repeat("0", 40)+" refs/tags/"+tag+"\n") + "0000"
	case versions.JSON != "": // every built-in one so far
		n[versions.JSON] = fmt.Sprintf(`{"versions":{%q:{}}}`, v)
	case versions.Format == definition.FormatNode:
		n[versions.Index] = fmt.Sprintf(`[{"version":"v%s","lts":"Jod"}]`, v)
	case versions.Format == definition.FormatZig:
		var files []string
		for _, p := range served(d) {
			os, arch := d.Upstream(p)
			files = append(files, fmt.Sprintf(`"%s-%s":{"tarball":"https://h/zig-%s-%s-%s.tar.xz","shasum":%q,"size":"1"}`, arch, os, arch, os, v, sum))
		}
		n[versions.Index] = fmt.Sprintf(`{%q:{%s}}`, v, strings.Join(files, ","))
	}
	sums := map[string][]string{} // the names of archives, by the URL of their checksum file
	for _, p := range served(d) {
		url, err := d.Archive(v, p)
		at, err2 := d.ChecksumsURL(v, p)
		if d.Checksums != "" && err == nil && err2 == nil && !slices.Contains(sums[at], baseName(url)) {
			sums[at] = append(sums[at], baseName(url))
		}
	}
	for at, names := range sums {
		github := strings.HasPrefix(at, "https://api.github.com/")
		var lines []string
		for _, name := range names {
			if github {
				lines = append(lines, fmt.Sprintf(`{"name":%q,"digest":"sha256:%s"}`, name, sum))
			} else {
				lines = append(lines, sum+"  "+name+"\n")
			}
		}
		n[at] = strings.Join(lines, "")
		if github {
			n[at] = `{"assets":[` + strings.Join(lines, ",") + `]}`
		}
	}
}

// Every built-in definition leads from a request to archives for all of its platforms, if upstream publishes as it says.
func TestBuiltinDefinitions(t *testing.T) {
	n := 0
	for _, d := range definition.Builtin().All() {
		if !slices.Contains(d.Sources(), definition.SourceRelease) {
			continue
		}
		n++
		world := internet{}
		world.announce(d, "4.5.6")
		c := client(t)
		c.HTTP = &http.Client{Transport: world}
		s := New(Config{Client: c, Find: definition.Builtin().Find, Host: linux, FirstUse: t.TempDir()})
		r, err := s.Resolve(t.Context(), release.Request{Tool: d.Name, Version: "4.5"}, nil)
		if err != nil || r.Version != "4.5.6" || len(r.Archives) != len(served(d)) || d.FirstUse {
			t.Errorf("%s: %+v, %v", d.Name, r, err)
		}
		if r, err := s.Resolve(t.Context(), release.Request{Tool: d.Name, Version: "v4.5.6"}, []release.Platform{linux}); err != nil || r.Version != "4.5.6" {
			t.Errorf("%s: %+v, %v", d.Name, r, err)
		}
	}
	if n < 10 {
		t.Errorf("only %d tools are released as archives", n)
	}
}
