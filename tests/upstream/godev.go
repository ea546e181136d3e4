package upstream

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// The same toolchains as go.dev serves them: an index at /dl/, and archives beside it. They hold what the module zips hold, under the names that
// they have in a Go tree, and the directories that a module zip has not.

// download returns what is served below /dl/.
func (s *Server) download(name string) (kind string, body []byte) {
	if name == "" {
		return "application/json", s.index()
	}
	key, _ := strings.CutPrefix(name, "go")
	if key, ok := strings.CutSuffix(key, ".tar.gz"); ok && s.zip(key) != nil {
		return "application/gzip", s.contents(key).tarball()
	}
	return "", nil
}

type indexVersion struct {
	Version string      `json:"version"`
	Stable  bool        `json:"stable"`
	Files   []indexFile `json:"files"`
}

type indexFile struct {
	Filename string `json:"filename"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	Version  string `json:"version"`
	SHA256   string `json:"sha256"`
	Size     int    `json:"size"`
	Kind     string `json:"kind"`
}

func (s *Server) index() []byte {
	listed, _ := s.toolchains()
	byVersion := map[string]*indexVersion{}
	for _, key := range listed {
		version, platform := cutKey(key)
		goos, arch, _ := strings.Cut(platform, "-")
		v := byVersion[version]
		if v == nil {
			v = &indexVersion{Version: "go" + version, Stable: true}
			byVersion[version] = v
		}
		data := s.contents(key).tarball()
		v.Files = append(v.Files, indexFile{"go" + key + ".tar.gz", goos, arch, "go" + version, fmt.Sprintf("%x", sha256.Sum256(data)), len(data), "archive"})
	}
	list := slices.Collect(maps.Values(byVersion))
	slices.SortFunc(list, func(a, b *indexVersion) int { return strings.Compare(b.Version, a.Version) })
	data, err := json.Marshal(list)
	if err != nil {
		panic(err) // plain values
	}
	return data
}

// packTarball packs a toolchain as go.dev does.
func packTarball(c contents) []byte {
	files := map[string][]byte{"api/go1.txt": []byte("pkg fmt\n"), "doc/README": []byte("doc\n"), "misc/x": []byte("misc\n"), "test/x.go": []byte("package test\n")}
	for name, data := range c.files() {
		if dir, base := path.Split(name); base == "_go.mod" {
			name = dir + "go.mod"
		}
		files[name] = data
	}
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: "go/" + name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg}
		if bytes.HasPrefix(files[name], []byte("#!")) {
			h.Mode = 0o755
		}
		must(tw.WriteHeader(h))
		_, err := tw.Write(files[name])
		must(err)
	}
	must(tw.Close())
	must(zw.Close())
	return b.Bytes()
}

// must is for writing to memory, which does not fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
