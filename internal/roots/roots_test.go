package roots

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/release"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func tree(s string) digest.Tree { return digest.Tree(digest.Sum([]byte(s))) }

func project(lock string, used time.Time, trees ...string) Project {
	p := Project{Lock: lock, Platform: release.Platform{OS: "linux", Arch: "amd64"}, Used: used}
	for _, t := range trees {
		p.Trees = append(p.Trees, tree(t))
	}
	return p
}

func register(t *testing.T, dir string, p Project) {
	t.Helper()
	if err := Register(t.Context(), dir, p); err != nil {
		t.Fatal(err)
	}
}

// list returns what List yields, the projects sorted by path.
func list(dir string) (projects []Project, errs []error) {
	for p, err := range List(dir) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		projects = append(projects, p)
	}
	slices.SortFunc(projects, func(a, b Project) int {
		if a.Lock == b.Lock {
			return a.Platform.Compare(b.Platform)
		}
		return slices.Compare([]string{a.Lock}, []string{b.Lock})
	})
	return projects, errs
}

// only returns the one project in dir.
func only(t *testing.T, dir string) Project {
	t.Helper()
	projects, errs := list(dir)
	if len(projects) != 1 || len(errs) != 0 {
		t.Fatalf("listed %v, errors %v; want one project", projects, errs)
	}
	return projects[0]
}

// inode identifies the file of the only record: it changes with each write.
func inode(t *testing.T, dir string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, only(t, dir).name()))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestRegisterKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	archive, err := digest.ParseArchive("sha256:" + tree("a").Hex())
	if err != nil {
		t.Fatal(err)
	}
	p := project("/src/./p/gostore.lock", noon.Add(300*time.Millisecond), "b", "a", "b")
	p.Archives = []digest.Archive{archive}
	register(t, dir, p)
	got := only(t, dir)
	if got.Lock != "/src/p/gostore.lock" || got.Platform != p.Platform || !got.Used.Equal(noon) {
		t.Errorf("recorded %+v", got)
	}
	if len(got.Trees) != 2 || !slices.Contains(got.Trees, tree("a")) || !slices.Contains(got.Trees, tree("b")) {
		t.Errorf("trees are %v", got.Trees)
	}
	if !slices.Equal(got.Archives, p.Archives) {
		t.Errorf("archives are %v", got.Archives)
	}
}

func TestRegisterWritesOnlyNews(t *testing.T) {
	ios := project("/p", noon, "a", "b")
	ios.Platform.OS = "ios"
	for _, test := range []struct {
		name  string
		next  Project
		write bool
	}{
		{"the same", project("/p", noon, "a", "b"), false},
		{"another order", project("/p", noon, "b", "a"), false},
		{"later the same day", project("/p", noon.Add(Precision-time.Second), "a", "b"), false},
		{"the next day", project("/p", noon.Add(Precision), "a", "b"), true},
		{"the clock was set back", project("/p", noon.Add(-Precision), "a", "b"), true},
		{"another tree", project("/p", noon, "a", "c"), true},
		{"one tree fewer", project("/p", noon, "a"), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			register(t, dir, project("/p", noon, "a", "b"))
			before := inode(t, dir)
			register(t, dir, test.next)
			if wrote := !os.SameFile(before, inode(t, dir)); wrote != test.write {
				t.Errorf("wrote: %v, want %v", wrote, test.write)
			}
			want := test.next.canonical()
			if got := only(t, dir); !slices.Equal(got.Trees, want.Trees) || test.write && !got.Used.Equal(want.Used) {
				t.Errorf("recorded %+v, want %+v", got, want)
			}
		})
	}
}

func TestRegisterRefusesWhatCannotBeRecorded(t *testing.T) {
	dir := t.TempDir()
	noPlatform := project("/p", noon, "a")
	noPlatform.Platform = release.Platform{}
	noTree := project("/p", noon, "a")
	noTree.Trees = append(noTree.Trees, digest.Tree{})
	noArchive := project("/p", noon, "a")
	noArchive.Archives = make([]digest.Archive, 1)
	for _, p := range []Project{
		project("p", noon, "a"), project("/p\xff", noon, "a"), project("/p", time.Time{}, "a"), noPlatform, noTree, noArchive,
	} {
		if err := Register(t.Context(), dir, p); err == nil {
			t.Errorf("registered %+v", p)
		}
	}
	if projects, errs := list(dir); len(projects)+len(errs) != 0 {
		t.Errorf("recorded %v, %v", projects, errs)
	}
}

// A project that is used from two platforms keeps the trees of both.
func TestPlatformsDoNotOverwriteEachOther(t *testing.T) {
	dir := t.TempDir()
	mac := project("/p", noon, "mac")
	mac.Platform = release.Platform{OS: "darwin", Arch: "arm64"}
	register(t, dir, project("/p", noon, "linux"))
	register(t, dir, mac)
	projects, _ := list(dir)
	if len(projects) != 2 || projects[0].Trees[0] != tree("mac") || projects[1].Trees[0] != tree("linux") {
		t.Fatalf("listed %+v", projects)
	}
	if err := Forget(t.Context(), dir, "/p"); err != nil {
		t.Fatal(err)
	}
	if projects, _ := list(dir); len(projects) != 0 {
		t.Errorf("forgetting left %+v", projects)
	}
}

// Whatever happened to a record, List says so, and goes on to the others.
func TestListReportsDamage(t *testing.T) {
	victim := project("/victim", noon, "a")
	whole, err := victim.canonical().encode()
	if err != nil {
		t.Fatal(err)
	}
	moved, err := project("/elsewhere", noon, "a").encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty after a power cut": nil,
		"cut short":               whole[:len(whole)/2],
		"zeroes":                  make([]byte, len(whole)),
		"nothing said":            []byte("{}\n"),
		"of another project":      moved,
		"two records":             append(slices.Clone(whole), whole...),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			register(t, dir, project("/other", noon, "b"))
			file := filepath.Join(dir, victim.name())
			if err := os.WriteFile(file, data, 0o644); err != nil {
				t.Fatal(err)
			}
			projects, errs := list(dir)
			var damaged *DamagedError
			if len(errs) != 1 || !errors.As(errs[0], &damaged) || damaged.File != file {
				t.Errorf("errors %v, want one about %s", errs, file)
			}
			if len(projects) != 1 || projects[0].Lock != "/other" {
				t.Errorf("listed %+v beside it", projects)
			}
			register(t, dir, victim)
			if projects, errs := list(dir); len(projects) != 2 || len(errs) != 0 {
				t.Errorf("registering again left %v, %v", projects, errs)
			}
		})
	}
}

func TestListFailsClosed(t *testing.T) {
	dir := t.TempDir()
	if _, errs := list(filepath.Join(dir, "missing")); len(errs) != 1 {
		t.Errorf("missing register: errors %v, want one", errs)
	}
	if err := os.Mkdir(filepath.Join(dir, "directory.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, errs := list(dir); len(errs) != 1 {
		t.Errorf("directory in place of a record: errors %v, want one", errs)
	}
}

func TestForget(t *testing.T) {
	dir := t.TempDir()
	p := project("/p", noon, "a")
	if err := Forget(t.Context(), dir, p.Lock); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("forgetting what is not registered: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, p.name()), []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	register(t, dir, project("/q", noon, "b"))
	if err := Forget(t.Context(), dir, "/./p"); err != nil {
		t.Errorf("forgetting a damaged record: %v", err)
	}
	if got := only(t, dir); got.Lock != "/q" {
		t.Errorf("left %+v", got)
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	old := noon.Add(-30 * 24 * time.Hour)
	register(t, dir, project("/long ago", old.Add(-Precision-time.Second), "a"))
	register(t, dir, project("/perhaps since", old.Add(-Precision), "b"))
	register(t, dir, project("/today", noon, "c"))
	for name, written := range map[string]time.Time{"damaged-old.json": old.Add(-2 * Precision), "damaged-new.json": noon} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, written, written); err != nil {
			t.Fatal(err)
		}
	}
	temp := filepath.Join(dir, durable.TempPrefix+"killed")
	if err := os.WriteFile(temp, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	want := []string{"/long ago", filepath.Join(dir, "damaged-old.json")}
	slices.Sort(want)
	for _, dryRun := range []bool{true, false} {
		gone, err := Prune(t.Context(), dir, old, nil, dryRun)
		var locks []string
		for _, p := range gone {
			locks = append(locks, p.Lock)
		}
		slices.Sort(locks)
		if err != nil || !slices.Equal(locks, want) {
			t.Errorf("dry run %v: pruned %q, %v; want %q", dryRun, locks, err, want)
		}
	}
	projects, errs := list(dir)
	if len(projects) != 2 || projects[0].Lock != "/perhaps since" || projects[1].Lock != "/today" || len(errs) != 1 {
		t.Errorf("left %+v, %v", projects, errs)
	}
	if _, err := os.Lstat(temp); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a killed writer's file is left: %v", err)
	}
}

// Many users register projects while the old ones are pruned: whatever was registered last
// is there at the end, and no reader ever meets half a record.
func TestRegisterAndPruneTogether(t *testing.T) {
	dir := t.TempDir()
	stale := noon.Add(-365 * 24 * time.Hour)
	const projects = 8
	ctx, stop := context.WithCancel(t.Context())
	var pruner sync.WaitGroup
	pruner.Go(func() {
		for ctx.Err() == nil {
			if _, err := Prune(context.Background(), dir, noon.Add(-Precision), nil, false); err != nil {
				t.Error(err)
			}
			if _, errs := list(dir); len(errs) != 0 {
				t.Error(errs)
			}
		}
	})
	var users sync.WaitGroup
	for i := range projects {
		users.Go(func() {
			lock := fmt.Sprintf("/p%d", i)
			for round := range 10 {
				for _, used := range []time.Time{stale, noon.Add(time.Duration(round) * 2 * Precision)} {
					if err := Register(context.Background(), dir, project(lock, used, lock)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	users.Wait()
	stop()
	pruner.Wait()
	if got, errs := list(dir); len(got) != projects || len(errs) != 0 {
		t.Errorf("%d of %d projects are left, errors %v", len(got), projects, errs)
	}
}

func BenchmarkRegisterAgain(b *testing.B) {
	dir := b.TempDir()
	p := project("/p", noon, "a", "b", "c")
	if err := Register(b.Context(), dir, p); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := Register(b.Context(), dir, p); err != nil {
			b.Fatal(err)
		}
	}
}
