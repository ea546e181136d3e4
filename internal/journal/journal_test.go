package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/chain"
	"gostore/internal/digest"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// childVar makes the test binary a child that appends to the log in a directory.
const childVar = "GOSTORE_TEST_JOURNAL_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVar); dir != "" {
		if err := child(dir, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const each = 25 // records of a child

func child(dir, name string) error {
	if _, err := fmt.Scanln(); err != nil {
		return err
	}
	for i := range each {
		r := Record{Action: "test", Time: noon, Detail: name + "-" + strconv.Itoa(i)}
		if _, err := In(dir).Append(context.Background(), r, []string{"GOFLAGS=" + name}); err != nil {
			return err
		}
	}
	return nil
}

// Many processes append at once: no record is lost, the chain is whole, and each one's records are in its order.
func TestConcurrentAppends(t *testing.T) {
	const processes = 12
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start, startIn, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var children []*exec.Cmd
	for i := range processes {
		cmd := exec.CommandContext(t.Context(), self, fmt.Sprint("p", i))
		cmd.Env = append(os.Environ(), childVar+"="+dir)
		cmd.Stdin, cmd.Stderr = start, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, cmd)
	}
	if _, err := startIn.WriteString(strings.Repeat("\n", processes)); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%q: %v", cmd.Args, err)
		}
	}
	c := whole(t, In(dir))
	if len(c.Records) != processes*each {
		t.Errorf("there are %d records, want %d", len(c.Records), processes*each)
	}
	next := map[string]int{}
	for _, r := range c.Records {
		name, i, _ := strings.Cut(r.Detail, "-")
		if i != strconv.Itoa(next[name]) {
			t.Errorf("record %d is %s", r.Number, r.Detail)
		}
		next[name]++
		// Whoever came before, the differences lead to what this process had.
		if d := r.Differences; len(d) > 1 || len(d) == 1 && (d[0].Name != "GOFLAGS" || d[0].Is != name) {
			t.Errorf("record %d, by %s, differs in %v", r.Number, name, d)
		}
	}
}

// put appends a record and returns it.
func put(t *testing.T, l *Log, action string, environ ...string) Record {
	t.Helper()
	r, err := l.Append(t.Context(), Record{Action: action, Time: noon, Outcome: Done}, environ)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func contents(t *testing.T, l *Log) Contents {
	t.Helper()
	c, err := l.Read()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// whole reads a log in which nothing may be wrong.
func whole(t *testing.T, l *Log) Contents {
	t.Helper()
	c := contents(t, l)
	if len(c.Problems) > 0 {
		t.Errorf("problems: %v", c.Problems)
	}
	return c
}

func get(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func set(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The states that a crash leaves, and those that somebody makes. "wrong" is the end of what is found, "" where nothing is;
// what is wrong stays so after the next record.
func TestEnds(t *testing.T) {
	l := In(t.TempDir())
	var logs, heads [][]byte
	for i := range 5 {
		put(t, l, fmt.Sprint("a", i))
		logs, heads = append(logs, get(t, l.Path())), append(heads, get(t, l.headPath()))
	}
	torn := logs[4][:len(logs[4])-20]
	damaged := append(bytes.Clone(torn), '\n')
	for name, c := range map[string]struct {
		log, head    []byte
		wrong, later string
	}{
		"whole":                         {logs[4], heads[4], "", ""},
		"killed before the head":        {logs[4], heads[3], "", ""},
		"power cut, heads lost":         {logs[4], heads[0], "", ""},
		"killed in the line":            {torn, heads[3], "", ""},
		"blocks of the line missing":    {damaged, heads[3], "", ""},
		"killed before the first head":  {logs[0], nil, "", ""},
		"first head is empty":           {logs[0], []byte{}, "", ""},
		"killed in the head":            {logs[4], half(heads[3], heads[4], slot), "", ""},
		"killed in the first head":      {logs[0], half(nil, heads[0], slot), "", ""},
		"nothing":                       {nil, nil, "", ""},
		"end removed":                   {logs[3], heads[4], "record 5, which had been written, is missing at the end", "record 5:"},
		"much removed":                  {logs[1], heads[4], "records 3 to 5, which had been written, are missing at the end", "record 5:"},
		"log removed":                   {nil, heads[4], "records 1 to 5, which had been written, are missing at the end", "record 5:"},
		"last line damaged by somebody": {torn, heads[4], "record 5, which had been written, is missing at the end", "record 5:"},
		"head removed":                  {logs[4], nil, "is missing or damaged: whether records after the 5th are missing cannot be told", "log.head, which says what had been the last one, was gone"},
		"head damaged":                  {logs[4], make([]byte, 2*slot), "is missing or damaged: whether records after the 5th are missing cannot be told", "log.head, which says what had been the last one, was gone"},
		"last changed":                  {bytes.Replace(logs[4], []byte("a4"), []byte("b4"), 1), heads[4], "record 5 is not the one that was written", "record 5:"},
	} {
		t.Run(name, func(t *testing.T) {
			l := In(t.TempDir())
			if c.log != nil {
				set(t, l.Path(), c.log)
			}
			if c.head != nil {
				set(t, l.headPath(), c.head)
			}
			check(t, "at once", contents(t, l), c.wrong)
			for range 2 {
				put(t, l, "later")
				check(t, "later", contents(t, l), c.later)
			}
		})
	}
}

// half returns a file of which some bytes from an offset were written over another.
func half(old, new []byte, at int) []byte {
	data := make([]byte, len(new))
	copy(data, old)
	copy(data[at:at+slot/2], new[at:])
	return data
}

func check(t *testing.T, when string, c Contents, want string) {
	t.Helper()
	var found []string
	for _, p := range c.Problems {
		if !p.Torn {
			found = append(found, p.Problem)
		}
	}
	if want == "" && len(found) > 0 || want != "" && (len(found) != 1 || !strings.Contains(found[0], want)) {
		t.Errorf("%s: found %q, want %q", when, found, want)
	}
}

// Differences are those to the record before, also where all variables are listed, and lists come often enough that an
// append need not read far back.
func TestDifferences(t *testing.T) {
	l := In(t.TempDir())
	const n = 3*relist + 5
	for i := range n {
		environ := []string{"GOFLAGS=" + strconv.Itoa(i/2), "USER=eve", "CC=gcc", "CC=clang"}
		if i%3 == 0 {
			environ = append(environ, "GOPROXY=off")
		}
		put(t, l, "x", environ...)
	}
	c := whole(t, l)
	since := 0
	for i, r := range c.Records {
		if since++; r.Environment != nil {
			since = 0
		}
		if since > relist {
			t.Errorf("record %d: nothing was listed whole for %d records", r.Number, since)
		}
		var want []Difference
		if i > 0 && i%2 == 0 {
			want = append(want, Difference{"GOFLAGS", strconv.Itoa(i/2 - 1), strconv.Itoa(i / 2), true, true})
		}
		switch {
		case i > 0 && i%3 == 0:
			want = append(want, Difference{"GOPROXY", "", "off", false, true})
		case i%3 == 1:
			want = append(want, Difference{"GOPROXY", "off", "", true, false})
		}
		if !slices.Equal(r.Differences, want) {
			t.Errorf("record %d differs in %v, want %v", r.Number, r.Differences, want)
		}
	}
	if first := c.Records[0].Environment; len(first) != 3 || first["CC"] != "clang" {
		t.Errorf("the first record lists %v", first)
	}
}

func TestMatters(t *testing.T) {
	for name, want := range map[string]bool{
		"PATH": true, "GOFLAGS": true, "CGO_ENABLED": true, "CC": true, "GOSTORE_ROOT": true, "NODE_OPTIONS": true, "npm_config_registry": true, "https_proxy": true,
		"USER": false, "GOOGLE_APPLICATION_CREDENTIALS": false, "AWS_SECRET_ACCESS_KEY": false, "CCACHE_DIR": false, "MYPATH": false, "": false,
	} {
		if Matters(name) != want {
			t.Errorf("%q matters: %v", name, !want)
		}
	}
}

func TestBounds(t *testing.T) {
	l := In(t.TempDir())
	long := strings.Repeat("é", 1<<20)
	r := Record{Action: "gc", Time: noon, Error: long, Dir: long, Detail: long, Who: Who{Command: slices.Repeat([]string{long}, 3000)}}
	for i := range 5000 {
		r.Removed.Add(digest.Tree{1}, "go", strconv.Itoa(i))
		r.Generations = append(r.Generations, strconv.Itoa(i))
		r.Changes = append(r.Changes, Change{Tool: strconv.Itoa(i)})
	}
	var environ []string
	for i := range 3000 {
		environ = append(environ, fmt.Sprintf("GOSTORE_%04d=%s", i, long[:5000]))
	}
	if _, err := l.Append(t.Context(), r, environ); err != nil {
		t.Fatal(err)
	}
	c := whole(t, l)
	got := c.Records[0]
	if c.Size > 600<<10 || got.Removed.Count != 5000 || len(got.Removed.Names) != maxNames || got.Generations[maxNames] != "… and 4968 more" || len(got.Changes) != maxNames+1 {
		t.Errorf("%d bytes: %+v", c.Size, got.Removed)
	}
	if !strings.Contains(got.Dir, "… (2097152 bytes, b3 ") || len(got.Environment) != maxVariables {
		t.Errorf("directory %q", got.Dir)
	}
}

func TestPrune(t *testing.T) {
	l := In(t.TempDir())
	var heads []chain.Head
	for i := range 68 {
		r, err := l.Append(t.Context(), Record{Action: "x", Time: noon.Add(time.Duration(i) * time.Hour)}, []string{"CC=" + strconv.Itoa(i)})
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, r.Head())
	}
	all := whole(t, l).Records
	prune := func(hours, want int) {
		t.Helper()
		at := noon.Add(time.Duration(hours) * time.Hour)
		n, err := l.Prune(t.Context(), at, Record{Time: at}, []string{"CC=p"}, false)
		if err != nil || n != want {
			t.Fatalf("pruned %d records, %v; want %d", n, err, want)
		}
	}
	prune(0, 0)
	prune(40, 40)
	c := whole(t, l)
	if c.Records[0].Number != 40 || c.Records[1].Number != 41 || c.Records[1].head != heads[40] || !slices.Equal(c.Records[1].Differences, all[40].Differences) {
		t.Errorf("begins with %+v, %+v", c.Records[0], c.Records[1])
	}
	for i, h := range heads {
		problem := c.Contradicts(h)
		if i < 39 && !strings.Contains(problem, "cannot be told") || i >= 39 && problem != "" {
			t.Errorf("head %v: %q", h, problem)
		}
	}
	if problem := c.Contradicts(chain.Head{Number: 40, Digest: digest.Content{1}}); problem != "record 40, which was pruned, was another one" {
		t.Errorf("another head: %q", problem)
	}
	if r := put(t, l, "after", "CC=q"); r.Number != len(heads)+2 {
		t.Errorf("the next record is %d", r.Number)
	}
	prune(1000, len(heads)-40+3) // all, the line in the place of the first, the pruning, and the one after
	whole(t, l)
	head := get(t, l.headPath())
	prune(2000, 2)
	whole(t, l)
	set(t, l.headPath(), head) // killed between the two files
	whole(t, l)
	put(t, l, "after")
	if c := whole(t, l); len(c.Records) != 3 {
		t.Errorf("%d records are left", len(c.Records))
	}
}

// What is wrong with a log is not pruned away.
func TestPruneKeepsEvidence(t *testing.T) {
	l := In(t.TempDir())
	for range 4 {
		put(t, l, "x")
	}
	lines := bytes.SplitAfter(get(t, l.Path()), []byte("\n"))
	for _, left := range [][][]byte{{lines[0], lines[2], lines[3]}, lines[:3]} {
		text := bytes.Join(left, nil)
		set(t, l.Path(), text)
		var damaged *DamagedError
		if n, err := l.Prune(t.Context(), noon.Add(time.Hour), Record{}, nil, false); n != 0 || !errors.As(err, &damaged) || !bytes.Equal(get(t, l.Path()), text) {
			t.Errorf("pruned %d, %v", n, err)
		}
	}
}

// A failed append leaves the log as it was.
func TestFailure(t *testing.T) {
	l := In(t.TempDir())
	put(t, l, "x")
	before := get(t, l.Path())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := In(filepath.Join(l.dir, "missing")).Append(t.Context(), Record{Action: "x"}, nil); err == nil {
		t.Error("appended to a log in a directory that is not there")
	}
	held, err := os.OpenFile(l.headPath(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	lockFile(t, held)
	if _, err := l.Append(ctx, Record{Action: "x"}, nil); !errors.Is(err, context.Canceled) || !bytes.Equal(get(t, l.Path()), before) {
		t.Errorf("appended while somebody else held the lock: %v", err)
	}
}

// A head that cannot be read is no head that is gone: nothing is appended, or said of the log.
func TestUnreadableHead(t *testing.T) {
	l := In(t.TempDir())
	put(t, l, "x")
	if err := errors.Join(os.Remove(l.headPath()), os.Mkdir(l.headPath(), 0o755)); err != nil {
		t.Fatal(err)
	}
	if head, err := l.readHead(); err == nil {
		t.Errorf("it read %v", head)
	}
	if c, err := l.Read(); err == nil {
		t.Errorf("it read %+v", c)
	}
}

// However much of the heads is cut off, it is their file that is named.
func TestCutHeads(t *testing.T) {
	l := In(t.TempDir())
	for range 5 {
		put(t, l, "x")
	}
	whole := read(t, l.headPath())
	for n := range whole {
		set(t, l.headPath(), whole[:n])
		c := contents(t, l)
		found, err := l.HeadProblems(c)
		if err != nil || !slices.ContainsFunc(append(c.Problems, found...), func(p Problem) bool { return p.File == l.headPath() && !p.Torn }) {
			t.Errorf("cut to %d bytes: %v, %v, %v", n, c.Problems, found, err)
		}
	}
}

// A head that a crash cut off is told from one that rotted, and the next record makes it whole before it writes over the other one.
func TestTornHead(t *testing.T) {
	for records := 1; records <= 4; records++ {
		for _, n := range []int{0, 1, slot / 2, slot - 1} {
			l := In(t.TempDir())
			var before []byte
			for i := range records {
				if i == records-1 && i > 0 {
					before = read(t, l.headPath())
				}
				put(t, l, "x")
			}
			at := records % 2 * slot
			torn := read(t, l.headPath())[:at+n]
			if len(before) > 0 {
				torn = slices.Concat(before[:at], torn[at:], before[at+n:])
			}
			set(t, l.headPath(), torn)
			found, err := l.HeadProblems(contents(t, l))
			if err != nil || slices.ContainsFunc(found, func(p Problem) bool { return !p.Torn }) || len(found) == 0 && n == slot/2 {
				t.Errorf("%d bytes of head %d: %v, %v", n, records, found, err)
			}
			r := put(t, l, "x")
			found, err = l.HeadProblems(contents(t, l))
			if err != nil || len(found) > 0 || r.Expected != "" {
				t.Errorf("after another record %v, %v, and it says %q is gone", found, err, r.Expected)
			}
			rotten := read(t, l.headPath())
			rotten[3] ^= 1
			set(t, l.headPath(), rotten)
			found, err = l.HeadProblems(contents(t, l))
			if err != nil || len(found) != 1 || found[0].Torn {
				t.Errorf("rotten: %v, %v", found, err)
			}
		}
	}
}

func FuzzLog(f *testing.F) {
	l := In(f.TempDir())
	f.Add([]byte(`{"number":1,"action":"x","prev":""}`+"\n"), []byte("1:"))
	f.Add([]byte(`{"number":9,"action":"pruned","stands":"`+strings.Repeat("0", 64)+`","prev":""}`+"\n"), []byte(""))
	f.Add([]byte{}, fmt.Appendf(nil, "%-*s\n", slot-1, "1:"+strings.Repeat("0", 64)+" "+headCheck("1:"+strings.Repeat("0", 64))))
	f.Add([]byte(`{"number":1e99,"action":"x"`), []byte("1"))
	f.Fuzz(func(t *testing.T, log, head []byte) {
		set(t, l.Path(), log)
		set(t, l.headPath(), head)
		contents(t, l)
		r := put(t, l, "new", "CC=gcc")
		c := contents(t, l)
		if known, err := l.readHead(); c.Head != r.Head() || known != r.Head() || err != nil {
			t.Errorf("the head is %v, not %v, %v", c.Head, r.Head(), err)
		}
	})
}

// An append reads back a listing's worth of records, however long the log is.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{0, 5000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			l := In(b.TempDir())
			environ := append(os.Environ(), "GOFLAGS=-x")
			var text bytes.Buffer
			prev := ""
			for i := range n {
				r := Record{Number: i + 1, Action: "switch", Prev: prev, Who: Who{Command: []string{"gostore", "switch"}}}
				line, _ := r.line()
				text.Write(append(line, '\n'))
				prev = digest.Sum(line).Hex()
			}
			if err := os.WriteFile(l.Path(), text.Bytes(), 0o600); err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				if _, err := l.Append(b.Context(), Record{Action: "switch", Time: noon, Who: Who{Command: []string{"gostore", "switch"}}}, environ); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func lockFile(t *testing.T, f *os.File) {
	t.Helper()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}
