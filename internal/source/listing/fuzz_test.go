package listing

import (
	"fmt"
	"strings"
	"testing"
)

func FuzzTags(f *testing.F) {
	f.Add([]byte(service + ref("HEAD\x00x") + ref("refs/tags/v1") + ref("refs/tags/v1^{}") + "0000"))
	f.Add([]byte(service + "0001" + ref("refs/tags/v1")))
	f.Fuzz(func(t *testing.T, data []byte) {
		tags, err := Tags(data)
		if err != nil {
			return
		}
		for _, tag := range tags {
			if tag == "" && !strings.Contains(string(data), "refs/tags/") || !strings.Contains(string(data), " refs/tags/"+tag) {
				t.Errorf("%q is not in the answer", tag)
			}
		}
		if len(data) > 0 {
			if _, err := Tags(data[:len(data)-1]); err == nil {
				t.Error("an answer that was cut off is accepted")
			}
		}
	})
}

func FuzzChecksum(f *testing.F) {
	f.Add([]byte(sumA+"  x\n"+sumB+" *./y\n"), "x")
	f.Add([]byte("SHA256 (x) = "+sumA), "x")
	f.Add([]byte(sumA), "x")
	f.Add([]byte(sum512+"  x\n"+sumA[:40]+"  x"), "x")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		for _, alone := range []bool{false, true} {
			d, err := Checksum(data, name, alone)
			if err != nil {
				continue
			}
			text := strings.ToLower(string(data))
			if !strings.Contains(text, hexOf(d.Bytes())) {
				t.Errorf("%v is not in %q", d, data)
			}
			if !alone && !strings.Contains(string(data), name) {
				t.Errorf("%q says nothing about %q", data, name)
			}
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`[{"version":"v1","lts":"Jod"},{"version":"v2","lts":false}]`), "*.version")
	f.Add([]byte(`{"master":{"version":"1-dev","x86_64-linux":{"tarball":"u","shasum":"`+sumA+`","size":"1"}},"0.1":{}}`), "@key")
	f.Add([]byte(`{"a":["1"]}`), "a.*")
	f.Fuzz(func(t *testing.T, data []byte, path string) {
		_, _ = JSON(data, path) // must return
		if x, err := Node(data); err == nil {
			checkIndex(t, x)
		}
		if x, err := Zig(data); err == nil {
			checkIndex(t, x)
			for v, files := range x.Files {
				for p, file := range files {
					if file.URL == "" || file.Digest.Algorithm() != "sha256" || file.Size < 0 {
						t.Errorf("%s for %s is %+v", v, p, file)
					}
				}
			}
		}
	})
}

// checkIndex reports channels of versions that the index does not list.
func checkIndex(t *testing.T, x Index) {
	t.Helper()
	known := map[string]bool{}
	for _, v := range x.Versions {
		known[v] = true
	}
	for channel, versions := range x.Channels {
		for _, v := range versions {
			if !known[v] {
				t.Errorf("channel %q has %q, which is no version", channel, v)
			}
		}
	}
}

// hexOf returns b in lower-case hexadecimal.
func hexOf(b []byte) string { return fmt.Sprintf("%x", b) }
