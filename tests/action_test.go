package tests

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"gostore/tests/upstream"
)

// step is a step of a workflow, or of a composite action.
type step struct {
	Name, ID, If, Shell, Uses, Run string
	WorkingDirectory               string `yaml:"working-directory"`
	Env, With                      map[string]string
}

// runner runs the steps of a job as GitHub Actions describes it: in bash, with files for what a step gives to later ones.
type runner struct {
	*world
	actions map[string]string // the directories of the actions that may be used
	caches  map[string]string // the archives that the cache keeps, by key
	values  map[string]string // "inputs.check", "steps.key.outputs.root"
	files   map[string]string // GITHUB_ENV and others
	output  strings.Builder   // the job's log
	atEnd   []func()
	ran     []string // the names of the steps that were run
}

// newRunner returns a runner in dir, where every one's work has the same path and everything is new, on which gostore is not installed. Its go command builds what it is told to, and
// then puts the tests' gostore there: it knows the tests' checksum database.
func newRunner(t *testing.T, w *world, base string, caches map[string]string) *runner {
	t.Helper()
	top := filepath.Join(base, "runner")
	unseal(top)
	if err := errors.Join(os.RemoveAll(top), os.Mkdir(top, 0o755)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unseal(top) })
	r := &runner{world: &world{t: t, server: w.server, dir: filepath.Join(top, "work")}, caches: caches, values: map[string]string{}, files: map[string]string{}}
	for _, dir := range []string{"work", "bin", "home", "temp"} {
		if err := os.Mkdir(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	action, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	r.actions = map[string]string{"example-org/gostore": action}
	r.environ = []string{
		"PATH=" + filepath.Join(top, "bin") + ":" + os.Getenv("PATH"), "HOME=" + filepath.Join(top, "home"), "GOPROXY=" + w.server.URL, "GOENV=off",
		keyVariable + "=" + w.server.Key, "TMPDIR=" + top, "CI=true", "GITHUB_ACTIONS=true", "RUNNER_TEMP=" + filepath.Join(top, "temp"),
		"GITHUB_ACTION_PATH=" + action, quickExit,
	}
	for _, name := range []string{"GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT"} {
		r.files[name] = filepath.Join(top, name)
	}
	r.values["runner.os"], r.values["runner.arch"] = "Linux", "X64"
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	settings, err := exec.Command("go", "env", "GOROOT", "GOCACHE", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		t.Skipf("there is no go command: %v", err)
	}
	real := strings.Split(string(settings), "\n")
	script := fmt.Sprintf(`#!/bin/sh
GOCACHE='%s' GOMODCACHE='%s' GOPROXY='%s' '%s/bin/go' "$@" || exit
while [ $# -gt 0 ]; do
	[ "$1" != -o ] || ln -sf '%s' "$2"
	shift
done
`, real[1], real[2], real[3], real[0], self)
	if err := os.WriteFile(filepath.Join(top, "bin", "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return r
}

// expression is what GitHub Actions replaces in a string.
var expression = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)

// expand replaces the expressions in a string. Each is the name of a value.
func (r *runner) expand(s string) string {
	return expression.ReplaceAllStringFunc(s, func(e string) string { return r.value(expression.FindStringSubmatch(e)[1]) })
}

// value returns the value of a name or of a string in quotes. Outputs of steps that were not run are empty.
func (r *runner) value(name string) string {
	if text, ok := strings.CutPrefix(name, "'"); ok {
		return strings.TrimSuffix(text, "'")
	}
	v, ok := r.values[name]
	if !ok && !regexp.MustCompile(`^steps\.[a-z]+\.outputs\.[a-z-]+$`).MatchString(name) {
		r.t.Errorf("there is no value %q", name)
	}
	return v
}

// holds evaluates a condition: comparisons that are joined by "&&".
func (r *runner) holds(condition string) bool {
	if condition == "" {
		return true
	}
	for part := range strings.SplitSeq(condition, "&&") {
		if a, b, ok := strings.Cut(part, "!="); ok && r.value(strings.TrimSpace(a)) != r.value(strings.TrimSpace(b)) {
			continue
		}
		if a, b, ok := strings.Cut(part, "=="); ok && r.value(strings.TrimSpace(a)) == r.value(strings.TrimSpace(b)) {
			continue
		}
		return false
	}
	return true
}

// all runs steps, and what they leave for the end of the job.
func (r *runner) all(steps []step) {
	r.t.Helper()
	for _, s := range steps {
		r.step(s)
	}
	for _, f := range r.atEnd {
		f()
	}
	r.atEnd = nil
}

func (r *runner) step(s step) {
	r.t.Helper()
	if !r.holds(s.If) {
		return
	}
	r.ran = append(r.ran, s.Name)
	switch {
	case s.Uses != "":
		r.use(s)
	case s.Run == "":
		r.t.Fatalf("step %q does nothing", s.Name)
	default:
		r.run(s)
	}
}

// run runs the script of a step and reads what it left for others.
func (r *runner) run(s step) {
	r.t.Helper()
	outputs := r.files["GITHUB_OUTPUT"]
	os.Remove(outputs) // best effort: each step has its own
	script := filepath.Join(filepath.Dir(r.dir), "step.sh")
	if err := os.WriteFile(script, []byte(r.expand(s.Run)), 0o644); err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script)
	cmd.Dir = filepath.Join(r.dir, r.expand(s.WorkingDirectory))
	cmd.Env = r.stepEnviron()
	for name, value := range s.Env {
		cmd.Env = append(cmd.Env, name+"="+r.expand(value))
	}
	out, err := cmd.CombinedOutput()
	r.output.Write(out)
	if err != nil {
		r.t.Fatalf("step %q: %v\n%s", s.Name+s.Run, err, out)
	}
	for name, value := range readVariables(r.t, outputs) {
		r.values["steps."+s.ID+".outputs."+name] = value
	}
}

// stepEnviron returns the environment of the next step.
func (r *runner) stepEnviron() []string {
	environ := slices.Clone(r.environ)
	for name, path := range r.files {
		environ = append(environ, name+"="+path)
	}
	for name, value := range readVariables(r.t, r.files["GITHUB_ENV"]) {
		environ = append(environ, name+"="+value)
	}
	path := strings.TrimPrefix(r.environ[0], "PATH=")
	if data, err := os.ReadFile(r.files["GITHUB_PATH"]); err == nil {
		for line := range strings.Lines(string(data)) {
			path = strings.TrimSuffix(line, "\n") + ":" + path
		}
	}
	return append(environ, "PATH="+path)
}

// readVariables reads a file of NAME=VALUE lines and NAME<<WORD blocks; one that is not there has none.
func readVariables(t *testing.T, path string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	got := map[string]string{}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		name, value, plain := strings.Cut(lines[i], "=")
		if before, word, block := strings.Cut(lines[i], "<<"); block && !plain {
			name = before
			var body []string
			for i++; i < len(lines) && lines[i] != word; i++ {
				body = append(body, lines[i])
			}
			value = strings.Join(body, "\n")
		} else if !plain {
			t.Errorf("%s: line %q", path, lines[i])
		}
		got[name] = value
	}
	return got
}

// use runs an action: the cache, a composite one in this repository, or one that only prepares what is here already.
func (r *runner) use(s step) {
	r.t.Helper()
	name, _, pinned := strings.Cut(s.Uses, "@")
	if !pinned {
		r.t.Errorf("%s is not pinned", s.Uses)
	}
	with := map[string]string{}
	for k, v := range s.With {
		with[k] = r.expand(v)
	}
	switch dir, ours := r.actions[name]; {
	case ours:
		r.composite(dir, with)
	case name == "actions/checkout":
	case name == "actions/cache/restore":
		r.restore(s.ID, with)
	case name == "actions/cache/save":
		r.save(with)
	case name == "actions/cache":
		if r.restore(s.ID, with); r.values["steps."+s.ID+".outputs.cache-hit"] != "true" {
			r.atEnd = append(r.atEnd, func() { r.save(with) })
		}
	default:
		r.t.Errorf("%s is not known here", s.Uses)
	}
}

// restore unpacks the archive of a key, or of the newest one that begins with restore-keys.
func (r *runner) restore(id string, with map[string]string) {
	r.t.Helper()
	key, hit := with["key"], r.caches[with["key"]] != ""
	if !hit && with["restore-keys"] != "" {
		keys := slices.Sorted(maps.Keys(r.caches))
		i := slices.IndexFunc(keys, func(k string) bool { return strings.HasPrefix(k, strings.TrimSpace(with["restore-keys"])) })
		if i < 0 {
			return
		}
		key = keys[i]
	}
	if r.caches[key] == "" {
		return
	}
	r.values["steps."+id+".outputs.cache-hit"] = fmt.Sprint(hit)
	if out, err := exec.Command("sh", "-c", `mkdir -p "$1" && tar -xf "$2" -C "$1"`, "sh", with["path"], r.caches[key]).CombinedOutput(); err != nil {
		r.t.Fatalf("restoring %s: %v\n%s", key, err, out)
	}
}

func (r *runner) save(with map[string]string) {
	r.t.Helper()
	file := filepath.Join(filepath.Dir(filepath.Dir(r.dir)), with["key"]+".tar")
	if out, err := exec.Command("tar", "-cf", file, "-C", with["path"], ".").CombinedOutput(); err != nil {
		r.t.Fatalf("saving %s: %v\n%s", with["key"], err, out)
	}
	r.caches[with["key"]] = file
}

// composite runs the action of a directory.
func (r *runner) composite(dir string, with map[string]string) {
	r.t.Helper()
	action := readAction(r.t, filepath.Join(dir, "action.yml"))
	for name, input := range action.Inputs {
		r.values["inputs."+name] = input.Default
	}
	for name, value := range with {
		if _, ok := action.Inputs[name]; !ok {
			r.t.Errorf("the action has no input %q", name)
		}
		r.values["inputs."+name] = value
	}
	for _, s := range action.Runs.Steps {
		if s.Run != "" && s.Shell != "bash" {
			r.t.Errorf("step %q: shell %q", s.Name, s.Shell)
		}
		if expression.MatchString(s.Run) {
			r.t.Errorf("step %q has an expression in its script: what a workflow says would be taken for commands", s.Name)
		}
		r.step(s)
	}
	for name, output := range action.Outputs {
		r.values["outputs."+name] = r.expand(output.Value)
	}
}

// action is what action.yml holds.
type action struct {
	Name, Description string
	Branding          map[string]string
	Inputs            map[string]struct{ Description, Default string }
	Outputs           map[string]struct{ Description, Value string }
	Runs              struct {
		Using string
		Steps []step
	}
}

func readAction(t *testing.T, path string) action {
	t.Helper()
	var a action
	readYAML(t, path, &a)
	if a.Runs.Using != "composite" || len(a.Runs.Steps) == 0 {
		t.Fatalf("%s: %+v", path, a.Runs)
	}
	return a
}

// readYAML reads a file that holds nothing but what v has a place for.
func readYAML(t *testing.T, path string, v any) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestAction runs every step of the action, in three jobs: with an empty cache, with one that fits, and with one of an older lock.
func TestAction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	caches, base := map[string]string{}, t.TempDir()
	every := map[string]bool{}
	job := func(version string, with map[string]string) *runner {
		t.Helper()
		w.server.ClearRequests()
		r := newRunner(t, w, base, caches)
		w.sh("rm -f gostore.lock && gostore lock go@" + version)
		r.sh("mkdir -p sub && cp " + filepath.Join(w.dir, "gostore.lock") + " sub && echo 'module m' >sub/go.mod")
		with["working-directory"] = "sub"
		w.server.ClearRequests()
		r.all([]step{
			{Name: "tools", Uses: "example-org/gostore@v1", With: with},
			{Name: "next", ID: "next", Run: `echo "version=$(go version)" >>"$GITHUB_OUTPUT"; echo "go=$(command -v go)" >>"$GITHUB_OUTPUT"; echo "local=$GOTOOLCHAIN" >>"$GITHUB_OUTPUT"`},
		})
		next := func(name string) string { return r.values["steps.next.outputs."+name] }
		if !strings.HasPrefix(next("version"), "go version go"+version+" ") || next("local") != "local" {
			t.Errorf("the next step has %q from %s, with GOTOOLCHAIN=%q", next("version"), next("go"), next("local"))
		}
		if root := r.values["outputs.root"]; !strings.HasPrefix(next("go"), root+"/store/") {
			t.Errorf("go is %s, not in %q", next("go"), root)
		}
		for _, name := range r.ran {
			every[name] = true
		}
		return r
	}
	count := func(part string, want int) {
		t.Helper()
		if got, _ := w.server.Count(part); got != want {
			t.Errorf("%d requests for %q, want %d", got, part, want)
		}
	}

	first := job("1.22.6", map[string]string{})
	count(".zip", 1)
	if first.values["outputs.cache-hit"] == "true" || len(caches) != 2 {
		t.Errorf("the first job: cache-hit is %q, caches: %q", first.values["outputs.cache-hit"], slices.Collect(maps.Keys(caches)))
	}
	again := job("1.22.6", map[string]string{})
	count("", 0)
	if again.values["outputs.cache-hit"] != "true" || again.values["outputs.key"] != first.values["outputs.key"] || slices.Contains(again.ran, "Build gostore") {
		t.Errorf("the second job: cache-hit is %q, key %q; steps %q", again.values["outputs.cache-hit"], again.values["outputs.key"], again.ran)
	}
	// Of the older store what the lock still needs stays, and nothing else gets into the next cache.
	newer := job("1.23.0", map[string]string{"check": "false"})
	if n, _ := w.server.Count(".zip"); n == 0 {
		t.Error("the third job installs nothing")
	}
	if newer.values["outputs.cache-hit"] != "false" || len(caches) != 3 {
		t.Errorf("the third job: cache-hit is %q, %d caches", newer.values["outputs.cache-hit"], len(caches))
	}
	if objects, _ := filepath.Glob(newer.values["outputs.root"] + "/store/*-go-*"); len(objects) != 1 {
		t.Errorf("the third job keeps %q", objects)
	}
	// A program that is given is used, and without a cache everything is fetched.
	given := filepath.Join(filepath.Dir(w.dir), "bin", "gostore")
	job("1.22.5", map[string]string{"gostore": given, "cache": "false"})
	count(".zip", 1)
	for _, s := range readAction(t, "../action.yml").Runs.Steps {
		if !every[s.Name] {
			t.Errorf("step %q was never run", s.Name)
		}
	}
	for _, want := range []string{"::group::", "::endgroup::", "up to date"} {
		if !strings.Contains(first.output.String(), want) {
			t.Errorf("%q is not in the log\n%s", want, first.output.String())
		}
	}
}

// A lock that is not what the project asks for fails the job before anything is downloaded.
func TestActionChecks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	w.sh("gostore lock go@1.22.6")
	steps := readAction(t, "../action.yml").Runs.Steps
	i := slices.IndexFunc(steps, func(s step) bool { return s.Name == "Check the lock" })
	w.sh("echo 1.23.0 >.go-version")
	w.fails(7, steps[i].Run)
}
