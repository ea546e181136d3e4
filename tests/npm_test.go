package tests

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// npmPublish makes the tarball of a package and adds it to what the registry says of the package.
func npmPublish(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: npm DIR PACKAGE.JSON")
	}
	var about map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &about))
	name, version := about["name"].(string), about["version"].(string)
	dir := ts.MkAbs(filepath.Join("site", "npm", name))
	file := filepath.Base(name) + "-" + version + ".tgz"
	data, err := packed(file, ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Join(dir, "-"), 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, "-", file), data, 0o644))
	sum := sha512.Sum512(data)
	about["dist"] = map[string]string{
		"integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:]),
		"tarball":   ts.Getenv("NPM_CONFIG_REGISTRY") + "/" + name + "/-/" + file,
	}

	packument := map[string]any{"name": name, "versions": map[string]any{}}
	if old, err := os.ReadFile(filepath.Join(dir, "index")); err == nil {
		ts.Check(json.Unmarshal(old, &packument))
	}
	packument["versions"].(map[string]any)[version] = about
	packument["dist-tags"] = map[string]string{"latest": version}
	text, err := json.Marshal(packument)
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(dir, "index"), text, 0o644))
}
