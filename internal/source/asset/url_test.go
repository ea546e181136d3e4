package asset

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/release"
)

func request(tool, version string) release.Request {
	return release.Request{Tool: tool, Version: version}
}

func TestURL(t *testing.T) {
	u := newUpstream(t)
	forLinux, forMac := tarball(map[string]string{"bin/x": "linux"}), tarball(map[string]string{"bin/x": "mac"})
	u.files["/1.2/x-linux-amd64.tgz"], u.files["/1.2/x-darwin-arm64.tgz"] = forLinux, forMac
	template := u.URL + "/{version}/x-{os}-{arch}.tgz"
	layout := release.Layout{Dirs: []string{"bin"}}
	s := NewURL(URLConfig{
		Client: client(t), Template: template, Host: linux, Layout: layout,
		Digests: map[release.Platform]digest.Archive{linux: digest.SHA256(forLinux), mac: digest.SHA256(forMac)},
	})
	r, err := s.Resolve(t.Context(), request("x", "1.2"), nil)
	if err != nil || r.Origin != template || r.Version != "1.2" || r.Source != "url" || r.FirstUse || len(r.Archives) != 2 || s.Layout(r).Dirs == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if want := (release.Archive{From: u.URL + "/1.2/x-darwin-arm64.tgz", Digest: digest.SHA256(forMac), Size: int64(len(forMac))}); r.Archives[mac] != want {
		t.Errorf("%+v", r.Archives[mac])
	}
	if m, err := installed(t, s, r, linux); err != nil || paths(m) != "d bin, x bin/x" {
		t.Errorf("%s, %v", paths(m), err)
	}
	fresh := NewURL(URLConfig{Client: client(t)}) // all that the lock needs
	if _, err := installed(t, fresh, r, linux); err != nil {
		t.Error(err)
	}
	u.files["/1.2/x-linux-amd64.tgz"] = forMac
	if _, err := installed(t, fresh, r, linux); !errors.As(err, new(*digest.MismatchError)) {
		t.Errorf("another archive: %v", err)
	}
}

func TestURLRefuses(t *testing.T) {
	u := newUpstream(t)
	d := digest.SHA256(nil)
	h1, err := digest.ParseArchive("h1:5VAGHlY8yl8pTPVSNIez3SNMy6fWabs+QMR25f3oMT0=")
	if err != nil {
		t.Fatal(err)
	}
	both := []release.Platform{linux, mac}
	for _, tt := range []struct {
		name      string
		c         URLConfig
		version   string
		platforms []release.Platform
		want      string
	}{
		{"no version", URLConfig{Template: u.URL + "/x", Digest: d}, "latest", nil, "a URL lists no versions"},
		{"no digest", URLConfig{Template: u.URL + "/x?token=secret"}, "1", nil, `x@1 for linux/amd64: no digest is known for "` + u.URL + `/x"`},
		{"no digest for one", URLConfig{Template: u.URL + "/{os}", Digests: map[release.Platform]digest.Archive{linux: d}}, "1", both, "x@1 for darwin/arm64: no digest"},
		{"one digest for two", URLConfig{Template: u.URL + "/{os}", Digest: d}, "1", both, "one digest cannot be that of 2 platforms' archives"},
		{"h1", URLConfig{Template: u.URL + "/x", Digest: h1}, "1", nil, "want sha256:… or sha512-…"},
		{"h1 for one", URLConfig{Template: u.URL + "/{os}", Digests: map[release.Platform]digest.Archive{linux: h1}}, "1", nil, "want sha256:… or sha512-…"},
		{"not there", URLConfig{Template: u.URL + "/x", Digest: d}, "1", nil, "x@1 does not exist"},
		{"first use, not there", URLConfig{Template: u.URL + "/x", FirstUse: t.TempDir()}, "1", nil, "x@1 is not served for linux/amd64"},
		{"first use by http", URLConfig{Template: "http://192.0.2.1/x", FirstUse: t.TempDir()}, "1", nil, "want an https URL"},
		{"unknown variable", URLConfig{Template: u.URL + "/{cpu}", Digest: d}, "1", nil, "unknown variable {cpu}"},
		{"no URL", URLConfig{Template: "x.tar.gz", Digest: d}, "1", nil, "want an https URL"},
		{"ftp", URLConfig{Template: "ftp://h/x.tar.gz", Digest: d}, "1", nil, "want an https URL"},
		{"variable host", URLConfig{Template: "https://{version}/x", Digest: d}, "1", nil, "{version}"},
	} {
		tt.c.Client, tt.c.Host = client(t), linux
		r, err := NewURL(tt.c).Resolve(t.Context(), request("x", tt.version), tt.platforms)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, %v; want an error with %q", tt.name, r, err, tt.want)
		}
		if errors.Is(err, fs.ErrNotExist) != strings.Contains(tt.name, "not there") {
			t.Errorf("%s: %v is or is not fs.ErrNotExist", tt.name, err)
		}
	}
}

func TestURLFirstUse(t *testing.T) {
	u := newUpstream(t)
	data := tarball(map[string]string{"bin/x": "x"})
	u.files["/x.tgz"] = data
	c := URLConfig{Client: client(t), Template: u.URL + "/x.tgz", FirstUse: t.TempDir()}
	s := NewURL(c)
	r, err := s.Resolve(t.Context(), request("x", "1"), []release.Platform{linux, mac})
	want := release.Archive{From: u.URL + "/x.tgz", Digest: digest.SHA256(data), Size: int64(len(data))}
	if err != nil || !r.FirstUse || r.Archives[linux] != want || r.Archives[mac] != want {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := installed(t, s, r, linux); err != nil || u.asked["/x.tgz"] != 1 {
		t.Errorf("%v, downloaded %d times", err, u.asked["/x.tgz"])
	}
	c.Digest = digest.SHA256(data)
	if r, err := NewURL(c).Resolve(t.Context(), request("x", "1"), nil); err != nil || r.FirstUse {
		t.Errorf("with a digest: %+v, %v", r, err)
	}
}

// Plain http will do where a digest decides.
func TestURLPlainHTTP(t *testing.T) {
	s := NewURL(URLConfig{Client: client(t), Template: "http://192.0.2.1/x"})
	if urls, err := s.expand("1", []release.Platform{linux}); err != nil || urls[linux] != "http://192.0.2.1/x" {
		t.Errorf("%v, %v", urls, err)
	}
	if err := checkArchiveURL("http://192.0.2.1/x"); !errors.Is(err, errPlain) || !s.plain {
		t.Errorf("%v", err)
	}
	if New(Config{}).plain {
		t.Error("definitions may have plain http")
	}
}
