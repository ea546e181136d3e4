package asset

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/definition"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
)

// An exact version is asked for without any list, and is there even if it is not listed.
func TestResolveExactNeedsNoList(t *testing.T) {
	f := newFixture(t)
	f.tool()
	f.tags("v1.3.0")
	f.publish("1.2.0", forLinux)
	r := f.mustResolve("x@v1.2.0", linux)
	if r.Version != "1.2.0" || f.asked[list] != 0 || len(r.Archives) != 1 {
		t.Errorf("%+v, the list was asked for %d times", r, f.asked[list])
	}
	var missing *release.NotFoundError
	if _, err := f.resolve("x@1.2.9"); !errors.As(err, &missing) || missing.Version != "1.2.9" || !slices.Equal(missing.Have, []string{"1.3.0"}) {
		t.Errorf("%v, have %v", err, missing)
	}
	f.codes[list] = 500
	if _, err := f.resolve("x@1.2.9"); !errors.As(err, &missing) || missing.Version != "1.2.9" {
		t.Errorf("without a list: %v", err)
	}
	if _, err := f.resolve("x@1.2"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a list: %v", err)
	}
}

func TestResolveTagsWithoutArchives(t *testing.T) {
	f := newFixture(t)
	f.tool()
	f.tags("v1.5", "v1.4", "v1.3", "v1.2", "v1.1")
	f.publish("1.2", forLinux)
	if r := f.mustResolve("x"); r.Version != "1.2" {
		t.Errorf("latest is %s, want 1.2: three older ones are tried", r.Version)
	}
	var missing *release.NotFoundError
	if r, err := f.resolve("x@1.5"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "x@1.5 does not exist: 1.5: no archives with checksums are published for it: reading ") {
		t.Errorf("x@1.5 is %s, %v", r.Version, err)
	}
	if slices.Contains(missing.Have, "1.5") || !slices.Contains(missing.Have, "1.4") {
		t.Errorf("suggests %v", missing.Have)
	}
	delete(f.files, "/x/1.2/sums.txt")
	f.publish("1.1", forLinux)
	if r, err := f.resolve("x"); !errors.As(err, &missing) {
		t.Errorf("latest is %s, %v: no more than three are tried", r.Version, err)
	}
	f.tags("v1.6.0", "v1.5", "v1.5.1")
	f.publish("1.5.1", forLinux)
	if r, err := f.resolve("x@1.5"); !errors.As(err, &missing) {
		t.Errorf("x@1.5 is %s, %v: it is a version itself", r.Version, err)
	}
	if r, err := f.resolve("x@1.6.0"); !errors.As(err, &missing) || f.asked["/x/1.6.0/sums.txt"] != 1 {
		t.Errorf("x@1.6.0 is %s, %v, asked for %d times", r.Version, err, f.asked["/x/1.6.0/sums.txt"])
	}
	f.tags("v1.5", "v1.4")
	f.codes["/x/1.5/sums.txt"] = 500
	if r, err := f.resolve("x"); err == nil || errors.As(err, &missing) {
		t.Errorf("latest is %s, %v: a server that fails is no missing file", r.Version, err)
	}
}

func TestResolvePlatforms(t *testing.T) {
	f := newFixture(t)
	f.tool()
	f.tags("v1.2.0")
	f.publish("1.2.0", forLinux, forARM)
	if r := f.mustResolve("x"); len(r.Archives) != 2 {
		t.Errorf("has %v", r.Archives)
	}
	var missing *release.NotFoundError
	if _, err := f.resolve("x", linux, mac); !errors.As(err, &missing) || *missing.Platform != mac || !strings.Contains(err.Error(), "has no line for") || !slices.Equal(missing.Have, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("%v, have %v", err, missing)
	}
	s390 := release.Platform{OS: "linux", Arch: "s390x"}
	if _, err := f.resolve("x", s390); !errors.As(err, &missing) || *missing.Platform != s390 || len(missing.Have) != 4 {
		t.Errorf("%v, have %v", err, missing)
	}
	f.publish("1.2.0", forMac)
	if _, err := f.resolve("x"); !errors.As(err, &missing) || *missing.Platform != linux {
		t.Errorf("without the host: %v", err)
	}
	if _, err := f.resolve("y"); !errors.As(err, &missing) || missing.Tool != "y" || missing.Version != "" {
		t.Errorf("an unknown tool: %v", err)
	}
}

func TestResolveChecksumForEachFile(t *testing.T) {
	f := newFixture(t)
	d := f.tool()
	d.Checksums = "{url}.sha256"
	f.defs["x"] = d
	f.publish("1.2.0", forLinux, forARM, forMac)
	for _, name := range []string{forLinux, forARM} {
		f.files["/x/1.2.0/"+name+".sha256"] = fmt.Appendf(nil, "%x\n", sha256.Sum256(f.files["/x/1.2.0/"+name]))
	}
	if r := f.mustResolve("x@1.2.0"); len(r.Archives) != 2 || r.Archives[arm].Digest != digest.SHA256(f.files["/x/1.2.0/"+forARM]) {
		t.Errorf("has %v", r.Archives)
	}
	f.codes["/x/1.2.0/"+forMac+".sha256"] = 503
	if r, err := f.resolve("x@1.2.0"); err == nil {
		t.Errorf("a platform is missing because of the weather: %v", r.Archives)
	}
	delete(f.codes, "/x/1.2.0/"+forMac+".sha256")
	f.files["/x/1.2.0/"+forMac+".sha256"] = []byte("abcd\n")
	var bad *IndexError
	if _, err := f.resolve("x@1.2.0"); !errors.As(err, &bad) || !strings.HasSuffix(bad.URL, forMac+".sha256") || !strings.Contains(err.Error(), "is no digest") {
		t.Errorf("%v", err)
	}
}

// A digest alone says nothing in a file for several archives.
func TestChecksumAloneInSharedFile(t *testing.T) {
	f := newFixture(t)
	f.tool()
	f.publish("1.2.0", forLinux)
	f.files["/x/1.2.0/sums.txt"] = fmt.Appendf(nil, "%x\n", sha256.Sum256(nil))
	if r, err := f.resolve("x@1.2.0", linux); err == nil {
		t.Errorf("resolved to %v", r.Archives)
	}
}

func TestResolveBadUpstream(t *testing.T) {
	const lines, json, node, zig = "lines", "json", "node", "zig"
	sum := strings.Repeat("ab", 32)
	for _, tt := range []struct{ kind, data, want string }{
		{"", "", "is empty"},
		{"", "<!DOCTYPE html><title>Sign in</title>", "is a web page"},
		{"", "001e# service=git-upload-pack\n0000", "cut off"},
		{lines, "\n\n", "is empty"},
		{lines, "master\nmain\n", "lists no versions"},
		{json, `{"versions":{"1.2":{}`, "cut off"},
		{json, `{"versions":[]}`, "is an array, not an object"},
		{json, `{"versions":{}}`, "lists no versions"},
		{json, `<html>`, "is a web page"},
		{json, `{"releases":{}}`, `has no member "versions"`},
		{node, `[]`, "lists no versions"},
		{node, `{"error":"no"}`, "is not the JSON that it should be"},
		{zig, `{}`, "lists no versions"},
		{zig, `{"0.1.0":{"amd64-linux":{"tarball":"https://h/x","shasum":"` + sum[2:] + `"}}}`, "has 31 bytes, want 32"},
		{zig, `{"0.1.0":{"amd64-linux":{"tarball":"http://h/x","shasum":"` + sum + `"}}}`, "want an https URL"},
		{zig, `{"0.1.0":{"amd64-linux":{"tarball":"../x","shasum":"` + sum + `"}}}`, "is no http or https URL"},
	} {
		f := newFixture(t)
		d := f.tool()
		at := f.URL + "/list"
		switch tt.kind {
		case "":
			at = f.URL + list
		case lines:
			d.Versions = definition.Versions{Text: at}
		case json:
			d.Versions = definition.Versions{JSON: at, Path: "versions.@key"}
		default:
			d.Versions = definition.Versions{Index: at, Format: tt.kind}
		}
		f.defs["x"] = d
		f.files["/list"], f.files[list] = []byte(tt.data), []byte(tt.data)
		_, err := f.resolve("x", linux)
		var bad *IndexError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), strings.TrimSuffix(at, "?service=git-upload-pack")) {
			t.Errorf("%s %q: %v, want an error with %q", tt.kind, tt.data, err, tt.want)
		}
	}
}

func TestResolveRefusesRedirectToHTTP(t *testing.T) {
	plain := newUpstream(t)
	plain.files["/list"] = []byte("1.2\n")
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL+"/list", http.StatusFound))
	t.Cleanup(secure.Close)
	c := client(t)
	c.HTTP = secure.Client()
	s := New(Config{Client: c, Host: linux, Find: func(string) (definition.Definition, bool) {
		return definition.Definition{Name: "x", URL: secure.URL + "/x", Checksums: secure.URL + "/sums", Versions: definition.Versions{Text: secure.URL}}, true
	}})
	_, err := s.Resolve(t.Context(), release.Request{Tool: "x", Version: "latest"}, nil)
	if err == nil || !strings.Contains(err.Error(), "refusing a redirect from https to http") || plain.asked["/list"] != 0 {
		t.Errorf("%v", err)
	}
}

func TestResolveTooLargeChecksums(t *testing.T) {
	f := newFixture(t)
	f.tool()
	f.files["/x/1.2.0/sums.txt"] = bytes.Repeat([]byte("\n"), checksumLimit+1)
	if _, err := f.resolve("x@1.2.0"); !errors.Is(err, fetch.ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

func TestNodeChannels(t *testing.T) {
	f := newFixture(t)
	d := f.tool()
	d.Versions = definition.Versions{Index: f.URL + "/index.json", Format: definition.FormatNode}
	f.defs["x"] = d
	f.files["/index.json"] = []byte(`[{"version":"v25.0.0","lts":false},{"version":"v24.2.0","lts":"Krypton"},{"version":"v24.1.0","lts":"Krypton"},
		{"version":"v22.3.0","lts":"Jod"}]`)
	for _, v := range []string{"25.0.0", "24.1.0", "22.3.0"} {
		f.publish(v, forLinux)
	}
	for request, want := range map[string]string{"x@lts": "24.1.0", "x@Jod": "22.3.0", "x": "25.0.0", "x@22": "22.3.0", "x@24": "24.1.0"} {
		if r, err := f.resolve(request); err != nil || r.Version != want {
			t.Errorf("%s is %s, %v; want %s", request, r.Version, err, want)
		}
	}
	got, err := f.Versions(t.Context(), "x")
	if diff := cmp.Diff([]string{"22.3.0", "24.1.0", "24.2.0", "25.0.0"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	var missing *release.NotFoundError
	if _, err := f.resolve("x@iron"); !errors.As(err, &missing) || len(missing.Have) != 4 {
		t.Errorf("%v", err)
	}
}

func TestZigIndex(t *testing.T) {
	f := newFixture(t)
	f.defs["zig"] = definition.Definition{
		Name: "zig", Versions: definition.Versions{Index: f.URL + "/index.json", Format: definition.FormatZig},
		OS: map[string]string{"darwin": "macos"}, Arch: map[string]string{"amd64": "x86_64", "arm64": "aarch64"},
	}
	data := tarball(map[string]string{"bin/zig": "zig"})
	f.files["/zig.tar.gz"] = data
	file := fmt.Sprintf(`{"tarball":%q,"shasum":"%x","size":"%d"}`, f.URL+"/zig.tar.gz", sha256.Sum256(data), len(data))
	f.files["/index.json"] = []byte(`{"master":{"version":"0.16.0-dev.7+ab","x86_64-linux":` + file + `},
		"0.14.1":{"x86_64-linux":` + file + `,"aarch64-macos":` + file + `},"0.13.0":{"x86_64-linux":` + file + `}}`)
	for request, want := range map[string]string{"zig": "0.14.1", "zig@master": "0.16.0-dev.7+ab", "zig@0.13": "0.13.0", "zig@0.16.0-dev.7+ab": "0.16.0-dev.7+ab"} {
		if r, err := f.resolve(request); err != nil || r.Version != want {
			t.Errorf("%s is %s, %v; want %s", request, r.Version, err, want)
		}
	}
	r := f.mustResolve("zig")
	want := release.Archive{From: f.URL + "/zig.tar.gz", Digest: digest.SHA256(data), Size: int64(len(data))}
	if len(r.Archives) != 2 || r.Archives[mac] != want {
		t.Errorf("%v", r.Archives)
	}
	var missing *release.NotFoundError
	if _, err := f.resolve("zig@0.13", mac); !errors.As(err, &missing) || *missing.Platform != mac || !slices.Equal(missing.Have, []string{"linux/amd64"}) {
		t.Errorf("%v, have %v", err, missing)
	}
	if _, err := f.resolve("zig@0.15.0"); !errors.As(err, &missing) || missing.Version != "0.15.0" || missing.Have[0] != "0.14.1" {
		t.Errorf("%v, have %v", err, missing)
	}
}
