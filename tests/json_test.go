package tests

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// TestJSON checks that every command that has --json prints exactly one JSON value to stdout and nothing else, also
// when there is nothing to tell, and that none that has it is forgotten here.
func TestJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	lines := []string{
		"gostore version --json",
		"gostore lock --json go@1.22.6", "gostore lock --json --dry-run go@1.23", "gostore lock --json --update",
		"gostore lock --check --json", "gostore lock --json --add go@1.21", "gostore lock --json --remove go@1.21",
		"gostore install --json", "gostore check --json", "gostore check --json --list", "gostore install --json go@1.26",
		"gostore install --ci --json", "gostore lock --digest --json",
		"gostore switch --json go@1.22.6", "gostore switch --json go@1.23.0", "gostore switch --json go@1.23.0",
		"gostore generations --json", "gostore generations --json --profile none",
		"gostore diff --json 1 2", "gostore diff --json --files 1 2", "gostore diff --json 1 1", "gostore diff --json gostore.lock current",
		"gostore rollback --json", "gostore rollback --json 2", "gostore switch --for 1h --json go@1.22.6", "gostore keep --json",
		"gostore list --json", "GOSTORE_ROOT=$HOME/new gostore list --json",
		"gostore which --json go", "gostore env --json", "gostore env --json --explain --all", "gostore env --json --explain NOBODY",
		"gostore shims --json", "gostore link --json", "gostore link --remove --json",
		"gostore trust --json --dry-run", "gostore trust --json", "gostore trust --json --list", "gostore trust --json --revoke", "gostore trust --json --list",
		"gostore roots --json", "GOSTORE_ROOT=$HOME/new gostore roots --json",
		"gostore verify --json", "gostore verify --json go@1.23.0", "GOSTORE_ROOT=$HOME/new gostore verify --json",
		"gostore verify --repair --json", "gostore verify --repair --dry-run --json go@1.23.0", "GOSTORE_ROOT=$HOME/new gostore verify --repair --json",
		"gostore tools --json", "gostore tools go --json", "gostore fetch --json", "gostore fetch --json go@1.20.14 --platform linux/arm64",
		"gostore export --json -o tools.bundle", "gostore import --json tools.bundle",
		"gostore import-from --json sdk --dir .",
		"gostore doctor --json --list", "gostore doctor --json --offline project filesystem roots", "GOSTORE_ROOT=$HOME/new gostore doctor --json project",
		"gostore verify --json --subset 1/7", "gostore verify --json --max-time 1h", "gostore config --json", "gostore config --json --path",
		"gostore config --json network.no-proxy a.example b.example", "gostore config --json network.no-proxy", "gostore config --json --unset network.no-proxy",
		"gostore gc --dry-run --json", "gostore gc --why go@1.22.6 --json", "gostore gc --why go@1.26.8 --json",
		"gostore gc --keep 1 --json", "gostore gc --json",
		"gostore log --json", "gostore log --json --profile none", "gostore log --verify --json", "gostore log --head --json",
		"gostore log --prune --before 90d --json", "GOSTORE_ROOT=$HOME/new gostore log --json", "GOSTORE_ROOT=$HOME/new gostore log --verify --json",
	}
	for _, command := range commands(w.sh("gostore --help")) {
		has := strings.Contains(w.sh("gostore "+command+" --help"), "--json")
		here := slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "gostore "+command+" ") })
		if has != here {
			t.Errorf("gostore %s: --json in its help: %v, among the lines here: %v", command, has, here)
		}
	}
	for _, line := range lines {
		cmd := w.command(line)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Errorf("%s: %v\n%s", line, err, stderr.String())
		}
		checkJSON(t, line, stdout.Bytes())
	}
	// An answer that is also a failure is one too.
	w.sh("echo 1.23.0 >.go-version")
	cmd := w.command("gostore lock --check --json")
	out, err := cmd.Output()
	if err == nil {
		t.Error("an outdated lock passes")
	}
	checkJSON(t, "an outdated lock", out)
}

// checkJSON checks that text is one JSON value in which no list and no object is null; only fields that are known
// to be may be absent in that way.
func checkJSON(t *testing.T, line string, text []byte) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	var v any
	if err := d.Decode(&v); err != nil {
		t.Errorf("%s: %v in\n%s", line, err, text)
	}
	if d.More() {
		t.Errorf("%s: more than one value in\n%s", line, text)
	}
	for _, null := range regexp.MustCompile(`"?(\w*)"?: null`).FindAllSubmatch(text, -1) {
		if name := string(null[1]); name != "project" && name != "profile" {
			t.Errorf("%s: %s is null in\n%s", line, name, text)
		}
	}
}
