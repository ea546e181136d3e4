// Package buildcache finds entries of the go command's build cache that a build would not make again, and what they owe that to.
//
// The go command keys what it caches by all that it knows to have a say: sources, flags, variables, what the compilers call themselves. An entry
// is poisoned when the same key leads to another result now: then something had a say that is not in the key. It is damaged when
// its file has other bytes than the entry promises; the go command itself looks only at the size of most files.
//
// Verify builds everything once more, from nothing, into a cache of its own, and compares that with the cache in question, which it only reads.
// The go command has a mode for this, GODEBUG=gocacheverify=1, which panics at the first entry, has old and new the wrong way round in what it
// prints, writes into the cache that it verifies, and does not read the files of its entries. What makes this cache of its own
// explain itself is GODEBUG=gocachehash=1, which prints the inputs of every key; both are as old as the cache, Go 1.10.
//
// What depends on a poisoned result has another key in the new build, so it is not compared: the entries that are named are those at
// the bottom, from which the others follow.
package buildcache

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gostore/internal/command"
)

// Entry is a line of the cache: what an action came to.
type Entry struct {
	ID     string // of the action, 64 hexadecimal digits
	Output string // the SHA-256 of the result, likewise
	Size   int64
	Made   time.Time
}

// hexSize is the length of an ID in hexadecimal digits.
const hexSize = 2 * sha256.Size

// ParseEntry reads the file of an entry: "v1", the two digests, the size in bytes, and the time in nanoseconds since 1970.
func ParseEntry(data []byte) (Entry, error) {
	words := strings.Fields(string(data))
	if len(words) != 5 || words[0] != "v1" || !isID(words[1]) || !isID(words[2]) {
		return Entry{}, fmt.Errorf("%.200q is no cache entry", data)
	}
	size, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil || size < 0 {
		return Entry{}, fmt.Errorf("%.200q is no cache entry: size", data)
	}
	made, err := strconv.ParseInt(words[4], 10, 64)
	if err != nil {
		return Entry{}, fmt.Errorf("%.200q is no cache entry: time", data)
	}
	return Entry{words[1], words[2], size, time.Unix(0, made)}, nil
}

func isID(s string) bool {
	return len(s) == hexSize && strings.Trim(s, "0123456789abcdef") == ""
}

// Cache is the directory of a build cache.
type Cache string

// EntryFile returns the file of an action's entry, OutputFile that of a result.
func (c Cache) EntryFile(id string) string { return c.file(id, "a") }

// OutputFile returns the file of a result.
func (c Cache) OutputFile(id string) string { return c.file(id, "d") }

func (c Cache) file(id, kind string) string { return filepath.Join(string(c), id[:2], id+"-"+kind) }

// Entry returns the entry of an action; fs.ErrNotExist says that there is none.
func (c Cache) Entry(id string) (Entry, error) {
	data, err := os.ReadFile(c.EntryFile(id))
	if err != nil {
		return Entry{}, err
	}
	e, err := ParseEntry(data)
	if err == nil && e.ID != id {
		err = fmt.Errorf("%q is the entry of another action", c.EntryFile(id))
	}
	return e, err
}

// entries returns all entries, those that cannot be read left out: the go command passes them over too.
func (c Cache) entries() ([]Entry, error) {
	files, err := filepath.Glob(filepath.Join(string(c), "[0-9a-f][0-9a-f]", "*-a"))
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, file := range files {
		id := strings.TrimSuffix(filepath.Base(file), "-a")
		if e, err := c.Entry(id); isID(id) && err == nil {
			all = append(all, e)
		}
	}
	return all, nil
}

// intact reports whether the file of a result has the bytes that its name promises. One that is not there is no fault: the go command makes
// it again.
func (c Cache) intact(output string) (bool, error) {
	f, err := os.Open(c.OutputFile(output))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.IsDir() { // an executable of "go run", in a directory
		return true, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false, err
	}
	return hex.EncodeToString(h.Sum(nil)) == output, nil
}

// Build is what to verify.
type Build struct {
	Go       command.Program // the go command, with its directory and environment
	Cache    Cache           // the cache in question
	Packages []string        // patterns, as for "go build"
	Scratch  string          // an empty directory, which the caller removes
}

// Poison is something in a cache that a build from nothing does not make.
type Poison struct {
	Package string   // whose compilation it is; "" where it is another kind of action
	Action  string   // as the go command calls it, "build example.com/m"
	IDs     []string // of the entries: of the compilation first, then of what belongs to it
	Damaged bool     // the file of the result has not the bytes that the entry promises
	Made    time.Time
	Why     string // what is behind it, as far as it can be found out; "" for what is damaged
}

// Files returns the files to remove from a cache, so that the action is done again.
func (p Poison) Files(c Cache) []string {
	var files []string
	for _, id := range p.IDs {
		files = append(files, c.EntryFile(id))
	}
	return files
}

// Verify builds from nothing and returns what is poisoned, sorted by action. A build that fails is an error.
func Verify(ctx context.Context, b Build) ([]Poison, error) {
	log, err := b.build(ctx, nil, b.Packages...)
	if err != nil {
		return nil, err
	}
	fresh, err := b.scratch().entries()
	if err != nil {
		return nil, err
	}
	found := map[string]*Poison{}
	for _, e := range fresh {
		if err := b.compare(e, log, found); err != nil {
			return nil, err
		}
	}
	var all []Poison
	for _, p := range found {
		slices.SortFunc(p.IDs, func(x, y string) int { // the action's own entry first
			return cmp.Or(cmp.Compare(boolInt(log.names[x] != p.Action), boolInt(log.names[y] != p.Action)), cmp.Compare(x, y))
		})
		all = append(all, *p)
	}
	slices.SortFunc(all, func(x, y Poison) int { return cmp.Compare(x.Action, y.Action) })
	return all, b.explain(ctx, log, all)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// scratch is the cache of the new build.
func (b Build) scratch() Cache { return Cache(filepath.Join(b.Scratch, "cache")) }

// compare looks at the entry in question for an action of the new build.
func (b Build) compare(e Entry, log hashLog, found map[string]*Poison) error {
	old, err := b.Cache.Entry(e.ID)
	if err != nil {
		return nil // not there, or nothing that the go command would take
	}
	action := log.action(e.ID)
	if strings.HasPrefix(action, "gccCompilerID") {
		return nil // it says when the compiler was changed, which the go command compares itself
	}
	intact, err := b.Cache.intact(old.Output)
	if err != nil {
		return err
	}
	if intact && old.Output == e.Output {
		return nil
	}
	p := found[action]
	if p == nil {
		p = &Poison{Action: action, Made: old.Made, Damaged: true}
		p.Package, _ = strings.CutPrefix(action, "build ")
		if p.Package == action {
			p.Package = ""
		}
		found[action] = p
	}
	p.IDs = append(p.IDs, e.ID)
	if intact {
		p.Damaged = false
	}
	if log.names[e.ID] == action {
		p.Made = old.Made
	}
	return nil
}

// build runs one build with the scratch cache. set is added to the environment.
func (b Build) build(ctx context.Context, set []string, packages ...string) (hashLog, error) {
	g := b.Go
	g.Environ = append(slices.Clone(g.Environ), set...)
	return b.buildIn(ctx, g, packages...)
}

// buildIn is build in another environment.
func (b Build) buildIn(ctx context.Context, g command.Program, packages ...string) (hashLog, error) {
	g.Argv = append(append(slices.Clone(g.Argv), "build", "-o", os.DevNull), packages...)
	g.Environ = append(slices.Clone(g.Environ), "GOCACHE="+string(b.scratch()), "GOCACHEPROG=", "GODEBUG="+debug(g.Getenv("GODEBUG")))
	_, stderr, err := command.Run(ctx, g)
	log := parseLog(stderr)
	var failed *command.Error
	if errors.As(err, &failed) {
		failed.Stderr = log.rest
	}
	return log, err
}

// debug returns a value of GODEBUG with gocachehash=1 added.
func debug(value string) string {
	if value != "" {
		value += ","
	}
	return value + "gocachehash=1"
}

// hashLog is what GODEBUG=gocachehash=1 makes the go command print.
type hashLog struct {
	names   map[string]string // the names of the hashes that IDs are
	parents map[string]string // of the IDs that were made of others
	rest    string            // what else was printed: errors
}

// parseLog reads lines such as these:
//
//	HASH[build fmt]                        a hash is begun
//	HASH[build fmt]: "go1.26.8"            something is added to it
//	HASH[build fmt]: 5f0e…                 it is this
//	HASH subkey 5f0e… "srcfiles" = 77aa…   an ID that was made of another one
//	HASH /usr/bin/x: 12ab…                 of a file
func parseLog(data []byte) hashLog {
	log := hashLog{names: map[string]string{}, parents: map[string]string{}}
	var rest strings.Builder
	for line := range bytes.Lines(data) {
		text := strings.TrimSuffix(string(line), "\n")
		switch {
		case strings.HasPrefix(text, "HASH["):
			i := strings.LastIndex(text, "]: ")
			if i > len("HASH[") && isID(text[i+3:]) {
				log.names[text[i+3:]] = text[len("HASH["):i]
			}
		case strings.HasPrefix(text, "HASH subkey "):
			key, id, ok := strings.Cut(strings.TrimPrefix(text, "HASH subkey "), " = ")
			parent, _, _ := strings.Cut(key, " ")
			if ok && isID(id) && isID(parent) {
				log.parents[id] = parent
			}
		case strings.HasPrefix(text, "HASH "):
		default:
			rest.Write(line)
		}
	}
	log.rest = rest.String()
	return log
}

// action returns the action that an ID belongs to, by the name of its hash.
func (l hashLog) action(id string) string {
	for range 8 { // subkeys of subkeys; the go command makes two levels
		parent, ok := l.parents[id]
		if !ok {
			break
		}
		id = parent
	}
	if name, ok := l.names[id]; ok {
		return name
	}
	return "action " + id
}

// of returns the IDs that belong to an action.
func (l hashLog) of(action string) []string {
	var ids []string
	for id := range l.names {
		if l.names[id] == action {
			ids = append(ids, id)
		}
	}
	for id := range l.parents {
		if l.action(id) == action {
			ids = append(ids, id)
		}
	}
	return ids
}
