package tests

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// owner has a profile of its own, so that it knows at every moment which generations there must be: the
// newest, as many as every collection keeps, and the current one.
type owner struct {
	*actor
	highest, current int
	sure             []int // generations that must be there, ascending
	versions         map[int][]string
	kept             map[int][]*witness
}

func (o *owner) round() {
	switch n := o.rand.IntN(8); {
	case n == 0 && len(o.versions[o.current]) > 0:
		o.change(nil, "--remove", "go")
	case n < 3 && len(o.sure) > 0:
		o.rollback()
	default:
		versions := o.pick()
		o.change(versions, asking(versions)...)
	}
	if versions := o.versions[o.current]; len(versions) > 0 {
		out, err := exec.Command(o.path("current", "bin", "go"), "version").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "go version go"+versions[0]+" ") {
			o.t.Errorf("%s is at %s, and go says %s, %v", o.name, versions[0], out, err)
		}
	}
}

func (o *owner) path(elements ...string) string {
	return o.root(append([]string{"profiles", o.name}, elements...)...)
}

// newest returns the n newest of the generations that must be there.
func (o *owner) newest(n int) []int { return slices.Clone(o.sure[max(0, len(o.sure)-n):]) }

// change makes a generation, or not where it would be what the current one is.
func (o *owner) change(versions []string, args ...string) {
	o.only(o.newest(max(0, o.least-1))) // the new one is going to be one of the newest
	s := o.switched(append([]string{"switch", "--profile", o.name, "--json"}, args...)...)
	same := o.current > 0 && slices.Equal(versions, o.versions[o.current])
	switch {
	case s.Changed == same:
		o.t.Errorf("%s changed from %v to %v: %v", o.name, o.versions[o.current], versions, s.Changed)
	case s.Changed && s.Generation != o.highest+1, !s.Changed && s.Generation != o.current:
		o.t.Errorf("%s got generation %d after %d", o.name, s.Generation, o.highest)
	}
	if s.Changed {
		o.highest, o.current = s.Generation, s.Generation
		o.versions[o.current] = versions
		o.sure = append(o.newest(max(0, o.least-1)), o.current)
	}
	o.expect(s)
}

// rollback goes to one of the generations that must be there.
func (o *owner) rollback() {
	to := o.sure[o.rand.IntN(len(o.sure))]
	o.only(append(o.newest(o.least), to))
	s := o.switched("rollback", "--profile", o.name, "--json", strconv.Itoa(to))
	if s.Changed == (to == o.current) || s.Generation != to {
		o.t.Errorf("%s went from %d to %d: %+v", o.name, o.current, to, s)
	}
	o.current = to
	o.sure = o.newest(o.least)
	if !slices.Contains(o.sure, to) {
		o.sure = append([]int{to}, o.sure...)
	}
	o.expect(s)
}

func (o *owner) switched(args ...string) (s switched) {
	if err := json.Unmarshal([]byte(o.ok(args...)), &s); err != nil {
		o.t.Error(err)
	}
	return s
}

// only releases the witnesses of all but some generations.
func (o *owner) only(numbers []int) {
	for n, w := range o.kept {
		if !slices.Contains(numbers, n) {
			o.release(w)
			delete(o.kept, n)
		}
	}
}

// expect compares the answer with the model and makes the witnesses that are wanting.
func (o *owner) expect(s switched) {
	var got []string
	for _, t := range s.Tools {
		got = append(got, t.Version)
	}
	if !slices.Equal(got, o.versions[o.current]) {
		o.t.Errorf("%s generation %d has %v, want %v", o.name, s.Generation, got, o.versions[o.current])
	}
	o.only(o.sure)
	for _, n := range o.sure {
		if o.kept[n] != nil {
			continue
		}
		target, err := os.Readlink(o.path(strconv.Itoa(n)))
		if err != nil {
			o.t.Error(err)
			continue
		}
		why := fmt.Sprintf("%s generation %d", o.name, n)
		o.kept[n] = o.keep(why, append(o.dirs(o.versions[n]), o.path(target))...)
	}
}

// generation is one of a profile, as "gostore generations" describes it.
type generation struct {
	environment string // its directory
	versions    []string
}

// generations returns the generations of a profile and checks that its history tells of so many that were made.
func (a *actor) generations(profile string, made int) []generation {
	var answer struct {
		Generations []struct {
			Generation int
			Tools      []struct{ Version string }
			Problem    string
		}
		History []struct {
			Action    string
			Abandoned bool
		}
	}
	if err := json.Unmarshal([]byte(a.ok("generations", "--profile", profile, "--json")), &answer); err != nil {
		a.t.Error(err)
	}
	for _, r := range answer.History {
		if r.Action == "switch" {
			made--
		}
		if r.Abandoned {
			a.t.Errorf("profile %s: %+v was not carried out", profile, r)
		}
	}
	if made != 0 {
		a.t.Errorf("profile %s: %d generations were made that the history does not tell of", profile, made)
	}
	var list []generation
	for _, g := range answer.Generations {
		target, err := os.Readlink(a.root("profiles", profile, strconv.Itoa(g.Generation)))
		if err != nil || g.Problem != "" {
			a.t.Errorf("profile %s: generation %d: %v %s", profile, g.Generation, err, g.Problem)
		}
		l := generation{environment: a.root("profiles", profile, target)}
		for _, t := range g.Tools {
			l.versions = append(l.versions, t.Version)
		}
		list = append(list, l)
	}
	return list
}

// checkObjects checks that exactly these objects are in the store, and nothing that is half done or describes
// what is not there.
func (f *fleet) checkObjects(when string, want []string) {
	got, _ := filepath.Glob(f.root("store", "*")) // the pattern is well formed
	for _, dir := range got {
		if !slices.Contains(want, dir) {
			_, why, _ := ended(f.gostore(f.root(), "gc", "--why", dir))
			f.t.Errorf("%s nothing should need %s: %s", when, dir, why)
		}
	}
	for _, dir := range want {
		if !slices.Contains(got, dir) {
			f.t.Errorf("%s there is no %s", when, dir)
		}
	}
	present := map[string]bool{}
	for _, dir := range got {
		hex, _, _ := strings.Cut(filepath.Base(dir), "-")
		present[hex] = true
	}
	err := filepath.WalkDir(f.root(), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(f.root(), path) // both are absolute
		top, name, _ := strings.Cut(rel, "/")
		hex, _, _ := strings.Cut(name, ".")
		switch {
		case strings.HasPrefix(e.Name(), ".stage-"), strings.HasPrefix(e.Name(), ".trash-"), strings.HasPrefix(e.Name(), ".tmp-"):
			f.t.Errorf("%s there is %s", when, rel)
		case top == "downloads" && name != "", top == "meta" && name != "" && !present[hex]:
			f.t.Errorf("%s there is %s", when, rel)
		case top == "index" && name != "":
			text, err := os.ReadFile(path)
			line, _, _ := strings.Cut(string(text), "\n") // its check follows
			if _, hex, _ := strings.Cut(line, ":"); err != nil || !present[hex] {
				f.t.Errorf("%s %s leads to %s, %v", when, rel, text, err)
			}
		case top == "files" && !e.IsDir():
			fi, err := e.Info()
			if err != nil || fi.Sys().(*syscall.Stat_t).Nlink < 2 {
				f.t.Errorf("%s nothing shares %s, %v", when, rel, err)
			}
		case top == "store" && name != "" && !strings.Contains(name, "/"):
			return fs.SkipDir // verify has read it
		}
		return nil
	})
	if err != nil {
		f.t.Error(err)
	}
}
