package listing

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func TestGitHubRelease(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	release := func(assets string) []byte { return []byte(`{"tag_name": "v1", "assets": [` + assets + `]}`) }
	for _, test := range []struct {
		name, assets, want string
		missing            bool
	}{
		{"there", `{"name": "other", "digest": null}, {"name": "x", "size": 3, "digest": "sha256:` + sum + `"}`, "", false},
		{"upper case", `{"name": "x", "digest": "sha256:` + strings.ToUpper(sum) + `"}`, "", false},
		{"none", ``, `has no asset "x"`, true},
		{"too old", `{"name": "x", "digest": null}`, `states no digest of "x"`, true},
		{"another algorithm", `{"name": "x", "digest": "sha512:00"}`, `states "sha512:00" for "x"`, false},
		{"short", `{"name": "x", "digest": "sha256:00"}`, `has 1 bytes, want 32`, false},
		{"two", `{"name": "x", "digest": "sha256:` + sum + `"}, {"name": "x", "digest": "sha256:` + strings.Repeat("0b", 32) + `"}`, `two digests`, false},
		{"a number", `{"name": "x", "digest": 1}`, `is not the JSON that it should be`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := Checksum(release(test.assets), "x", false)
			if test.want == "" && (err != nil || d.String() != "sha256:"+sum) {
				t.Errorf("%v, %v", d, err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, fs.ErrNotExist) != test.missing) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	if _, err := Checksum([]byte(`{"assets": [`), "x", false); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("cut off: %v", err)
	}
}
