package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// project makes a locked project in a directory.
func (w *world) project(dir string) {
	w.t.Helper()
	w.sh("gostore lock go@1.22.6 && mkdir -p '" + dir + "' && (cd '" + dir + "' && test -f gostore.lock || cp \"$OLDPWD/gostore.lock\" .) && printf 'module m\\n\\ngo 1.22\\n' >'" + dir + "/go.mod'")
	w.server.ClearRequests()
}

// The example of a workflow is one that GitHub Actions would take, and its steps work.
func TestExampleGitHub(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	var workflow struct {
		Name        string
		On          []string
		Permissions map[string]string
		Jobs        map[string]struct {
			Strategy struct{ Matrix map[string][]string }
			RunsOn   string `yaml:"runs-on"`
			Steps    []step
		}
	}
	readYAML(t, "../docs/examples/github-workflow.yml", &workflow)
	if len(workflow.Jobs) == 0 {
		t.Fatal("no jobs")
	}
	for name, job := range workflow.Jobs {
		r := newRunner(t, w, t.TempDir(), map[string]string{})
		w.project(r.dir)
		r.values["matrix.os"] = job.Strategy.Matrix["os"][0]
		if got := r.expand(job.RunsOn); got != "ubuntu-latest" {
			t.Errorf("%s runs on %q", name, got)
		}
		r.all(job.Steps)
		if !strings.Contains(r.output.String(), "go version go1.22.6 ") {
			t.Errorf("%s:\n%s", name, r.output.String())
		}
	}
}

// servePackage makes the package that docs/ci.md downloads, with the tests' gostore in it, and returns its URL and SHA-256.
func (w *world) servePackage(site string) (url, sum string) {
	w.t.Helper()
	w.sh(`mkdir -p gostore-1/bin && ln -sf "$(readlink -f "$(command -v gostore)")" gostore-1/bin/gostore && tar -czf '` + site + `/gostore.tar.gz' gostore-1 && rm -r gostore-1`)
	sum, _, _ = strings.Cut(w.sh("sha256sum '"+site+"/gostore.tar.gz'"), " ")
	return w.server.URL + "/files/gostore.tar.gz", sum
}

// The example for GitLab, with an empty cache and with the one that the first pipeline left.
func TestExampleGitLab(t *testing.T) {
	t.Parallel()
	site := t.TempDir()
	w := newWorld(t, upstream.Config{Files: site})
	var pipeline struct {
		Image     string
		Variables map[string]string
		Cache     struct {
			Key   struct{ Files []string }
			Paths []string
		}
		BeforeScript []string `yaml:"before_script"`
		Test         struct{ Script []string }
	}
	readYAML(t, "../docs/examples/gitlab-ci.yml", &pipeline)
	url, sum := w.servePackage(site)
	cached := filepath.Join(t.TempDir(), "bundle")
	for i, downloads := range []int{1, 0} {
		dir := filepath.Join(t.TempDir(), "builds")
		t.Cleanup(func() { unseal(dir) })
		w.project(dir)
		if err := os.Chmod(dir, 0o777); err != nil { // as GitLab's runner has it
			t.Fatal(err)
		}
		bundle := filepath.Join(dir, pipeline.Cache.Paths[0])
		if data, err := os.ReadFile(cached); err == nil {
			writeFile(t, bundle, data)
		}
		script := "set -eo pipefail\n"
		for name, value := range pipeline.Variables {
			script += "export " + name + `="` + value + "\"\n"
		}
		script += strings.Join(append(pipeline.BeforeScript, pipeline.Test.Script...), "\n")
		cmd := exec.Command("bash", "-c", script)
		cmd.Dir = dir
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "CI_PROJECT_DIR=" + dir, "GITLAB_CI=true", "GOSTORE_URL=" + url, "GOSTORE_SHA256=" + sum}, w.environ[1:]...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("pipeline %d: %v\n%s", i, err, out)
		}
		for _, want := range []string{"gostore.tar.gz: OK", "section_start:", "section_end:", "up to date", "go version go1.22.6 "} {
			if !strings.Contains(string(out), want) {
				t.Errorf("pipeline %d: %q is not in\n%s", i, want, out)
			}
		}
		if got, _ := w.server.Count(".zip"); got != downloads {
			t.Errorf("pipeline %d: %d downloads, want %d", i, got, downloads)
		}
		data, err := os.ReadFile(bundle)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, cached, data)
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// The steps of the Jenkinsfile.
func TestExampleJenkins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	text := document(t, "../docs/examples/Jenkinsfile")
	if strings.Count(text, "{") != strings.Count(text, "}") || !strings.Contains(text, "pipeline {") {
		t.Error("the Jenkinsfile is not whole")
	}
	w.project(w.dir)
	script := "set -e\n"
	for _, m := range regexp.MustCompile(`(?m)^\s+([A-Z_]+) = (".*")$`).FindAllStringSubmatch(text, -1) {
		script += "export " + m[1] + "=" + m[2] + "\n"
	}
	steps := regexp.MustCompile(`(?s)\bsh '''(.*?)'''|\bsh '([^']*)'`).FindAllStringSubmatch(text, -1)
	if len(steps) != strings.Count(text, "sh '") {
		t.Errorf("%d steps are understood of\n%s", len(steps), text)
	}
	for _, m := range steps {
		script += "(" + m[1] + m[2] + ")\n"
	}
	out := w.sh(script)
	for _, want := range []string{"up to date", "go version go1.22.6 "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// instruction is an instruction of a Dockerfile.
type instruction struct{ word, rest string }

// dockerfile reads a Dockerfile: continued lines are joined, comments left out.
func dockerfile(t *testing.T, path string) (list []instruction) {
	t.Helper()
	text := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(document(t, path), "")
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word != "" {
			list = append(list, instruction{word, strings.TrimSpace(rest)})
		}
	}
	return list
}

// build carries a Dockerfile out in directories that stand for the images' roots.
type build struct {
	*world
	stages  map[string]string // the roots, by name
	stand   string            // a directory of programs that stand in for a system's
	root    string            // of the current stage
	dir     string            // the working directory in it
	environ []string
	user    string
	out     strings.Builder
}

// inside returns a text with the absolute paths of an image as paths in the current root. System programs are those of this machine.
func (b *build) inside(text string) string {
	return regexp.MustCompile(`(^|[\s=:"',])/(opt|project|home|var/cache|usr/local/bin|tmp)(/|\b)`).ReplaceAllString(text, "${1}"+b.root+"/${2}${3}")
}

func (b *build) do(i instruction) {
	b.t.Helper()
	switch i.word {
	case "FROM":
		fields := strings.Fields(i.rest)
		b.root = filepath.Join(b.t.TempDir(), "image")
		if len(fields) == 3 && fields[1] == "AS" {
			b.stages[fields[2]] = b.root
		} else if len(fields) != 1 {
			b.t.Fatalf("FROM %s", i.rest)
		}
		b.dir, b.user, b.environ = b.root, "root", nil
		b.shell("mkdir -p '" + b.root + "/tmp' '" + b.root + "/usr/local/bin' '" + b.root + "/home'")
	case "COPY":
		from := b.world.dir
		if name, rest, ok := strings.Cut(strings.TrimPrefix(i.rest, "--from="), " "); ok && strings.HasPrefix(i.rest, "--from=") {
			from, i.rest = b.stages[name], rest
		}
		fields := strings.Fields(i.rest)
		source, target := filepath.Join(from, fields[0]), b.inside(fields[1])
		if !filepath.IsAbs(target) {
			target = filepath.Join(b.dir, target)
		}
		b.shell("mkdir -p \"$(dirname '" + target + "')\" && cp -a '" + source + "' '" + target + "'")
	case "WORKDIR":
		b.dir = b.inside(i.rest)
		b.shell("mkdir -p '" + b.dir + "'")
	case "ENV":
		for _, m := range regexp.MustCompile(`([A-Z_]+)=(\S+)`).FindAllStringSubmatch(i.rest, -1) {
			b.environ = append(b.environ, m[1]+"="+b.inside(m[2]))
		}
	case "USER":
		b.user = i.rest
	case "RUN":
		b.shell(b.inside(regexp.MustCompile(`--mount=type=cache,target=\S+`).ReplaceAllString(i.rest, "")))
	default:
		b.t.Errorf("instruction %q is not known here", i.word)
	}
}

func (b *build) shell(line string) {
	b.t.Helper()
	cmd := exec.Command("/bin/sh", "-ec", line)
	if fi, err := os.Stat(b.dir); err == nil && fi.IsDir() {
		cmd.Dir = b.dir
	}
	// The stand-ins come first whatever the Dockerfile says, so that nothing happens to this machine.
	cmd.Env = append([]string{"GOPROXY=" + b.server.URL, "GOENV=off", keyVariable + "=" + b.server.Key, "HOME=" + b.root + "/home", quickExit,
		"PATH=" + filepath.Join(b.root, "usr/local/bin") + ":/usr/bin:/bin"}, b.environ...)
	for _, kv := range slices.Clone(cmd.Env) {
		if path, ok := strings.CutPrefix(kv, "PATH="); ok {
			cmd.Env = append(cmd.Env, "PATH="+b.stand+":"+path)
		}
	}
	out, err := cmd.CombinedOutput()
	fmt.Fprintf(&b.out, "%s\n%s", line, out)
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", line, err, b.out.String())
	}
}

// The Dockerfile's instructions, in order, in directories instead of images. What only a system's own root may do is left to a stand-in.
func TestExampleDockerfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	w.project(w.dir)
	stand := t.TempDir()
	for _, name := range []string{"apt-get", "useradd"} {
		writeFile(t, filepath.Join(stand, name), []byte("#!/bin/sh\n[ $# -gt 0 ]\n"))
	}
	w.sh("chmod +x '" + stand + "'/*; ln -s \"$(readlink -f \"$(command -v gostore)\")\" gostore")
	b := &build{world: w, stages: map[string]string{}, stand: stand}
	list := dockerfile(t, "../docs/examples/Dockerfile")
	for _, i := range list {
		b.do(i)
		t.Cleanup(func() { unseal(b.root) })
	}
	if b.user == "root" || b.user == "" {
		t.Error("the image's user is root")
	}
	if len(list) < 10 || !strings.Contains(b.out.String(), "go version go1.22.6 ") {
		t.Errorf("%d instructions:\n%s", len(list), b.out.String())
	}
	if left, _ := filepath.Glob(b.root + "/*"); strings.Contains(strings.Join(left, " "), "/project") || strings.Contains(strings.Join(left, " "), "/var") {
		t.Errorf("the image has %q", left)
	}
}

// Every file in docs/examples stands in a document as it is.
func TestExamplesAreInDocuments(t *testing.T) {
	files, err := filepath.Glob("../docs/examples/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	text := document(t, "../docs/ci.md")
	for _, file := range files {
		_, rest, found := strings.Cut(text, "<!-- examples/"+filepath.Base(file)+" -->\n```")
		_, rest, _ = strings.Cut(rest, "\n")
		if !found || !strings.HasPrefix(rest, document(t, file)+"```\n") {
			t.Errorf("docs/ci.md does not have %s as it is", file)
		}
	}
}
