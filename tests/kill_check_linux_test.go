package tests

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zeebo/blake3"

	"gostore/internal/tree"
)

// The checker knows the layout of a store from its documentation and shares with gostore only what computes
// the digest of a directory.

// sealed is the modification time of everything in an object.
var sealed = time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC)

var (
	objectName = regexp.MustCompile(`^([0-9a-f]{64})-.+-.+$`)
	hiddenTree = regexp.MustCompile(`^\.(stage|trash)-.`)
	indexEntry = regexp.MustCompile(`^b3:([0-9a-f]{64})\ncheck [0-9a-f]{16}\n$`)
)

// sight is what can be seen of a store and a project.
type sight struct {
	objects     []string          // names of directories in store/, sorted
	generations map[string]string // "default/2": the object that it leads to
	current     map[string]string // "default": "2"
	lock        string            // text of gostore.lock, "" when there is none
	log         string            // the whole lines of the audit log
}

// environment returns the object that a profile's current leads to, "" without one.
func (s sight) environment(profile string) string {
	return s.generations[profile+"/"+s.current[profile]]
}

// check looks at everything in a store and reports what must not be there at any instant.
type check struct {
	t    *testing.T
	root string
	// outage says that the power failed. Then mend is told what is damaged and made again by whoever needs it, and the last line of
	// a chain may be complete without being what was written; otherwise all of that is an error.
	outage bool
	mend   func(format string, args ...any)
	sight
}

// look checks the store and the project below top.
func look(t *testing.T, top string) sight {
	t.Helper()
	c := &check{t: t, root: filepath.Join(top, "root")}
	return c.all(top)
}

// all is look.
func (c *check) all(top string) sight {
	t := c.t
	t.Helper()
	if !c.outage {
		c.mend = t.Errorf
	}
	c.generations, c.current = map[string]string{}, map[string]string{}
	lock, err := os.ReadFile(filepath.Join(top, "project", "gostore.lock"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	c.lock = string(lock)
	for _, name := range c.list("store") {
		if hiddenTree.MatchString(name) {
			continue
		}
		c.objects = append(c.objects, name)
	}
	for _, name := range c.objects {
		c.object(name)
	}
	for _, shard := range c.list("files") {
		for _, name := range c.list("files", shard) {
			c.content(shard, name)
		}
	}
	for _, name := range c.list("index") {
		if !temporary(name) && !indexEntry.MatchString(c.read("index", name)) {
			c.mend("index/%s is %q", name, c.read("index", name))
		}
	}
	for _, name := range c.list("roots") {
		if strings.HasSuffix(name, ".json") && !json.Valid([]byte(c.read("roots", name))) {
			t.Errorf("roots/%s is %q", name, c.read("roots", name))
		}
	}
	for _, name := range c.list("profiles") {
		c.profile(name)
	}
	c.log()
	return c.sight
}

func temporary(name string) bool { return strings.HasPrefix(name, ".tmp-") }

// path returns a path in the store.
func (c *check) path(elements ...string) string {
	return filepath.Join(append([]string{c.root}, elements...)...)
}

// list returns the names in a directory of the store; a store that is being made need not have it.
func (c *check) list(elements ...string) []string {
	c.t.Helper()
	entries, err := os.ReadDir(c.path(elements...))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.t.Error(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (c *check) read(elements ...string) string {
	c.t.Helper()
	data, err := os.ReadFile(c.path(elements...))
	if err != nil {
		c.t.Error(err)
	}
	return string(data)
}

// object checks that a directory at a final name is complete, right, sealed and described, and that its
// links lead somewhere.
func (c *check) object(name string) {
	c.t.Helper()
	match := objectName.FindStringSubmatch(name)
	if match == nil {
		c.t.Errorf("store/%s is no object's name", name)
		return
	}
	m, err := tree.Scan(c.t.Context(), c.path("store", name), 1)
	if err != nil || m.Digest().Hex() != match[1] {
		c.t.Errorf("store/%s has the digest %s, %v", name, m.Digest(), err)
	}
	err = filepath.WalkDir(c.path("store", name), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		link := fi.Mode()&fs.ModeSymlink != 0
		if !fi.ModTime().Equal(sealed) || !link && fi.Mode().Perm()&^0o111 != 0o444 {
			c.t.Errorf("%s is not sealed: %v, %v", path, fi.Mode(), fi.ModTime())
		}
		if _, err := os.Stat(path); link && err != nil {
			c.t.Errorf("a link in a visible object leads nowhere: %v", err)
		}
		return nil
	})
	if err != nil {
		c.t.Error(err)
	}
	text, err := keptManifest(c.path("meta"), match[1])
	if sum := blake3.Sum256(text); err != nil || hex.EncodeToString(sum[:]) != match[1] {
		c.mend("the manifest of %s is damaged: %v", name, err)
	}
	if text := c.read("meta", match[1]+".json"); !json.Valid([]byte(text)) {
		c.mend("the description of %s is %q", name, text)
	}
}

// keptManifest reads the text of a manifest, from a file of its own or, where it is short, from the description.
func keptManifest(meta, object string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(meta, object+".manifest"))
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	data, err := os.ReadFile(filepath.Join(meta, object+".json"))
	var described struct{ Manifest string }
	if err == nil {
		err = json.Unmarshal(data, &described)
	}
	return []byte(described.Manifest), err
}

// content checks that a shared file is what its name says.
func (c *check) content(shard, name string) {
	c.t.Helper()
	want, _ := strings.CutSuffix(shard+name, "x")
	if sum := blake3.Sum256([]byte(c.read("files", shard, name))); hex.EncodeToString(sum[:]) != want {
		c.mend("files/%s/%s has the digest %x", shard, name, sum)
	}
}

// profile checks that every generation, and so the current one, leads to an environment, and that
// each line of the history follows the one before.
func (c *check) profile(name string) {
	c.t.Helper()
	for _, link := range c.list("profiles", name) {
		target, err := os.Readlink(c.path("profiles", name, link))
		switch _, notNumber := strconv.Atoi(link); {
		case temporary(link):
		case notNumber == nil:
			object := strings.TrimPrefix(target, "../../store/")
			if _, statErr := os.Stat(c.path("profiles", name, link, "environment.json")); err != nil || statErr != nil || !slices.Contains(c.objects, object) {
				c.t.Errorf("generation %s of %s leads to %q: %v, %v", link, name, target, err, statErr)
			}
			c.generations[name+"/"+link] = object
		case link == "current":
			c.current[name] = target
		case link != "history" && link != "filelock" && link != "spare":
			c.t.Errorf("profiles/%s/%s should not be there", name, link)
		}
	}
	if at, ok := c.current[name]; ok && c.environment(name) == "" {
		c.t.Errorf("current of %s leads to %q", name, at)
	}
	c.history(name)
}

// history checks the records of a profile.
func (c *check) history(name string) {
	c.t.Helper()
	if _, err := os.Lstat(c.path("profiles", name, "history")); errors.Is(err, fs.ErrNotExist) {
		if _, ok := c.current[name]; ok {
			c.t.Errorf("profile %s has no history", name)
		}
		return
	}
	c.chain("history of "+name, c.read("profiles", name, "history"))
}

// chain checks that each line of a text follows the one before, and returns NUMBER:DIGEST of each. A last line without an end was
// being written.
func (c *check) chain(what, data string) (heads []string, whole string) {
	c.t.Helper()
	previous, number := "", 0
	lines := slices.Collect(strings.Lines(data))
	for i, line := range lines {
		text, ended := strings.CutSuffix(line, "\n")
		if !ended {
			break
		}
		var record struct {
			Number   int
			Prev     string
			Expected string
		}
		if err := json.Unmarshal([]byte(text), &record); err != nil || record.Number != number+1 || record.Prev != previous || record.Expected != "" {
			if c.outage && err != nil && i == len(lines)-1 {
				break
			}
			c.t.Errorf("%s, after record %d: %q, %v", what, number, text, err)
			break
		}
		sum := blake3.Sum256([]byte(text))
		previous, number = hex.EncodeToString(sum[:]), record.Number
		heads = append(heads, strconv.Itoa(number)+":"+previous)
		whole += line
	}
	return heads, whole
}

// log checks the audit log: its head names the last record, or the one before where that was being written.
func (c *check) log() {
	c.t.Helper()
	var heads []string
	if _, err := os.Lstat(c.path("log")); err == nil {
		heads, c.sight.log = c.chain("the log", c.read("log"))
	}
	head, newest := "", 0
	if _, err := os.Lstat(c.path("log.head")); err == nil {
		for line := range slices.Chunk([]byte(c.read("log.head")), 104) { // two lines of one length, of which one may be half written
			words := strings.Fields(string(line))
			if len(words) != 2 {
				continue
			}
			sum := blake3.Sum256([]byte(words[0]))
			number, _, _ := strings.Cut(words[0], ":")
			if n, err := strconv.Atoi(number); err == nil && words[1] == hex.EncodeToString(sum[:8]) && n > newest {
				head, newest = words[0], n
			}
		}
	}
	if late := slices.Index(append([]string{""}, heads...), head); late < 0 || late < len(heads)-1 {
		c.t.Errorf("the head of the log is %q, of %q", head, heads)
	}
}

// leftBehind reports what a collection must not leave: stages, discarded objects, contents that no object
// shares, descriptions and index entries of objects that are not there, old downloads and temporary files.
func leftBehind(t *testing.T, top string, s sight) {
	t.Helper()
	c := &check{t: t, root: filepath.Join(top, "root"), sight: s}
	present := func(digest string) bool {
		return slices.ContainsFunc(s.objects, func(name string) bool { return strings.HasPrefix(name, digest+"-") })
	}
	for _, name := range c.list("store") {
		if hiddenTree.MatchString(name) {
			t.Errorf("left behind: store/%s", name)
		}
	}
	for _, name := range c.list("meta") {
		if digest, _, _ := strings.Cut(name, "."); !present(digest) {
			t.Errorf("left behind: meta/%s", name)
		}
	}
	for _, name := range c.list("index") {
		if match := indexEntry.FindStringSubmatch(c.read("index", name)); match == nil || !present(match[1]) {
			t.Errorf("left behind: index/%s", name)
		}
	}
	for _, name := range c.list("downloads") {
		t.Errorf("left behind: downloads/%s", name)
	}
	err := filepath.WalkDir(c.root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case temporary(e.Name()):
			t.Errorf("left behind: %s", path)
		case strings.HasPrefix(path, c.path("files")+"/") && !e.IsDir():
			fi, err := e.Info()
			if err != nil {
				return err
			}
			if fi.Sys().(*syscall.Stat_t).Nlink == 1 {
				t.Errorf("left behind: %s", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func (s sight) String() string {
	return fmt.Sprintf("objects %q, generations %q, current %q", s.objects, s.generations, s.current)
}
