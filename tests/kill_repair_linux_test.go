package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gostore/internal/tree"
	"gostore/tests/upstream"
)

// repairRot damages a store in every way that a repair knows: contents that another file, the environment's tools, an archive on a
// server or nobody has, names that are missing, too many or of another kind, a manifest, a description, an entry of the index.
const repairRot = `gostore switch go@1.22.5 && gostore lock go@1.22.6 && gostore install &&
	mkdir -p ../sdk/bin ../gone && echo run >../sdk/bin/run && chmod 755 ../sdk/bin/run && cd ../gone && gostore lock -q gone@1 --path ../sdk && gostore install &&
	rm -r ../sdk && cd ../project && cp -a "$GOSTORE_ROOT" ../whole &&
	cd "$GOSTORE_ROOT/store" && chmod -R u+w . && cd *-go-1.22.6 &&
	echo rot >VERSION && echo rot >src/runtime/proc.go && rm LICENSE && rm src/fmt/print.go && mkdir src/fmt/print.go && echo more >more && rm -r lib/wasm &&
	cd ../*-go-1.22.5 && echo rot >lib/time/zoneinfo.zip && cd ../*-environment-go_1.22.6 && echo rot >environment.json && rm bin/go &&
	cd ../*-gone-1 && echo rot >bin/run && cd .. && find . ! -type l -exec touch -d 1980-01-02T00:00:00Z {} + && chmod -R a-w . && chmod u+w . &&
	cd ../meta && echo rot >$(ls ../store | grep go-1.22.5 | grep -v environment | cut -c1-64).json &&
	cd ../index && for i in h1-*; do echo rot >$i; break; done`

// essential are the operations of a repair that the short forms are about.
var essential = regexp.MustCompile(`^(renameat|fchmodat) root/store/(\*-go-1\.\*\.6|\.damaged)|^linkat root/\*\*`)

// scarce are those that an environment is made again by: where one fails, the environment is not lost, and is not set aside.
var scarce = regexp.MustCompile(`^renameat root/index/h1-|^symlinkat root/downloads/`)

// newRepair returns a repair to kill, with what is wrong before it.
func newRepair(t *testing.T) (k *killing, before map[string][]string, points []point) {
	w := newWorld(t, upstream.Config{})
	needTracer(t, w)
	k = &killing{world: w, top: filepath.Dir(w.dir), command: []string{"verify", "--repair"}, next: "gostore verify --repair"}
	w.sh(repairRot)
	k.save()
	before = faults(t, k.top)
	run, err := w.trace(request{Args: k.command})
	if err != nil || run.Exit != 3 || len(run.Operations) == 0 || strings.Count(run.Output, ": mended\n") != 3 || !strings.Contains(run.Output, "gone@1: set aside\n") {
		t.Fatalf("undisturbed: %v, exit status %d\n%s", err, run.Exit, run.Output)
	}
	k.operations = run.Operations
	k.collectAsides()
	k.final = lookApart(t, k.top, "environment-gone_1")
	points = k.points(formOf(t, killVariable, 1).long)
	if !formOf(t, killVariable, 1).long {
		points = slices.DeleteFunc(points, func(p point) bool { return !essential.MatchString(p.sort) && !scarce.MatchString(p.sort) })
	}
	return k, before, points
}

// A repair is killed at each of its steps: no object is worse than before, and the next repair comes to the same end.
func TestKillRepair(t *testing.T) {
	k, before, points := newRepair(t)
	killed := 0
	for _, p := range points {
		run := k.disturb(t, p, request{Torn: p.torn}, before)
		if run.Killed {
			killed++
		}
	}
	t.Logf("%d operations; killed at %d", len(k.operations), killed)
	if !formOf(t, killVariable, 1).long {
		isScarce := func(p point) bool { return scarce.MatchString(p.sort) }
		others := slices.DeleteFunc(slices.Clone(points), isScarce)
		k.failEach(t, others[:min(len(others), 2)], before)
		some := slices.DeleteFunc(points, func(p point) bool { return !isScarce(p) })
		if len(some) != 2 {
			t.Errorf("%v are the operations that an environment is made again by", some)
		}
		k.failEach(t, some, before)
	}
}

// Each operation of a repair fails, for want of space and in other ways: it says so, no object is worse than before, and the next repair
// comes to the same end. The short form is a part of TestKillRepair, so that the store is damaged once only.
func TestFaultRepair(t *testing.T) {
	if !formOf(t, killVariable, 1).long {
		t.Skipf("needs %s=all or %s=all", killVariable, proofVariable)
	}
	k, before, points := newRepair(t)
	k.failEach(t, points, before)
}

// failEach lets the operation at each point fail.
func (k *killing) failEach(t *testing.T, points []point, before map[string][]string) {
	t.Helper()
	if !canChangeSyscalls {
		t.Log("no operation failed: a system call can be replaced by an error on amd64 only")
		return
	}
	turn, failed := 0, 0
	for _, p := range points {
		call, _, _ := strings.Cut(p.sort, " ")
		for range failures {
			f := failures[turn%len(failures)]
			turn++
			if p.torn || f.short || !f.applies(call) {
				continue
			}
			if run := k.disturb(t, p, request{Errno: f.errno, Lasting: f.lasting}, before); run.Failed > 0 {
				failed++
			}
			if !formOf(t, killVariable, 1).long {
				break
			}
		}
	}
	t.Logf("%d operations failed", failed)
}

// disturb runs a repair that is disturbed at a point, and checks what came of it.
func (k *killing) disturb(t *testing.T, p point, r request, before map[string][]string) traced {
	t.Helper()
	k.restore()
	r.Args, r.Sort, r.N = k.command, p.sort, p.n
	run, err := k.trace(r)
	if err != nil {
		t.Fatal(err)
	}
	if !run.Killed && run.Failed == 0 {
		return run
	}
	t.Run(fmt.Sprint(p, r.Errno), func(t *testing.T) {
		k := *k
		w := *k.world
		w.t, k.world = t, &w
		if run.Exit != 0 && !run.Killed && !complaint.MatchString(run.Output) || strings.Contains(run.Output, "panic") {
			t.Errorf("it ended with %d and said only\n%s", run.Exit, run.Output)
		}
		k.checkRepair(before)
	})
	return run
}

// lookApart is leftBehind, and then look without objects whose name has a part: an environment of what was set aside has links that
// lead nowhere.
func lookApart(t *testing.T, top, part string) sight {
	t.Helper()
	c := &check{t: t, root: filepath.Join(top, "root")}
	leftBehind(t, top, sight{objects: c.list("store")})
	found, err := filepath.Glob(filepath.Join(top, "root", "store", "*"+part))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range found {
		if out, err := os.ReadDir(dir); err != nil || len(out) == 0 {
			t.Errorf("%s: %v", dir, err)
		}
		unseal(dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		hex, _, _ := strings.Cut(filepath.Base(dir), "-")
		for _, suffix := range []string{".json", ".manifest"} {
			os.Remove(filepath.Join(top, "root", "meta", hex+suffix))
		}
	}
	for _, name := range files(t, filepath.Join(top, "root", "index")) {
		data, err := os.ReadFile(name)
		if m := indexEntry.FindSubmatch(data); err == nil && m != nil {
			if present, _ := filepath.Glob(filepath.Join(top, "root", "store", string(m[1])+"-*")); present == nil {
				os.Remove(name)
			}
		}
	}
	return look(t, top)
}

// collectAsides collects, what was set aside included.
func (k *killing) collectAsides() {
	k.t.Helper()
	k.sh(`cd "$GOSTORE_ROOT/store"; for d in .damaged-*; do [ ! -e "$d" ] || mv "$d" ".damaged-1-${d#.damaged-*-}"; done`)
	k.collect()
}

// faults returns what is wrong with each object, by the manifests that were kept before there was anything wrong.
func faults(t *testing.T, top string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	meta := filepath.Join(top, "whole", "meta")
	described, err := filepath.Glob(filepath.Join(meta, "*.json"))
	if err != nil || len(described) == 0 {
		t.Fatal(described, err)
	}
	for _, name := range described {
		data, err := keptManifest(meta, strings.TrimSuffix(filepath.Base(name), ".json"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := tree.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		dirs, _ := filepath.Glob(filepath.Join(top, "root", "store", "*"+m.Digest().Hex()+"-*"))
		if len(dirs) != 1 {
			t.Errorf("%d directories of %s", len(dirs), m.Digest())
			continue
		}
		found, err := tree.Audit(t.Context(), dirs[0], m, 1)
		if err != nil {
			t.Error(err)
		}
		for _, f := range found {
			all[m.Digest().Hex()] = append(all[m.Digest().Hex()], fmt.Sprint(f))
		}
	}
	return all
}

// checkRepair checks what a kill left, and that the next repair comes to the end.
func (k *killing) checkRepair(before map[string][]string) {
	k.t.Helper()
	for object, now := range faults(k.t, k.top) {
		for _, f := range now {
			path, _, _ := strings.Cut(f, " ")
			known := func(was string) bool { return strings.HasPrefix(was, path+" ") || strings.HasPrefix(was, path+"/") }
			if !slices.ContainsFunc(before[object], known) {
				k.t.Errorf("the kill left in %s: %s", object, f)
			}
		}
	}
	out, err := k.world.command(k.next).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "set aside") {
		k.t.Errorf("%s: %v\n%s", k.next, err, out)
	}
	k.sh("gostore verify && gostore log --verify")
	k.collectAsides()
	end := lookApart(k.t, k.top, "environment-gone_1")
	if !slices.Equal(end.objects, k.final.objects) {
		k.t.Errorf("the store holds %q, not %q", end.objects, k.final.objects)
	}
}
