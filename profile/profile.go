// Package profile keeps profiles: each a numbered history of environments, one of them current.
//
// A profile is a directory in the store:
//
//	profiles/<name>/12 -> ../../store/<environment>   a generation
//	profiles/<name>/current -> 12                     the current one; PATH may hold current/bin
//	profiles/<name>/history                           what was done, a line each, chained by digests
//	profiles/<name>/filelock                          held over every change
//	profiles/<name>/spare                             space for a rollback on a full disk
//
// # What it promises
//
// Changes of one profile happen one after another, whichever processes make them; each starts from
// what the one before left. A generation's number is never used again, also after it was pruned.
// Whoever goes through current sees the old environment or the new one, whole.
// When Switch, Rollback or Prune has returned nil, its effect survives a power cut.
//
// Every change is in the history before it takes effect. A generation keeps its environment
// alive as a root for the collector (Trees), from before the lease on it is given up.
//
// # Order of a change, and what a crash after each step leaves
//
// A switch, under the filelock:
//  1. the directory is made, if it is missing, and synced: a profile without generations;
//  2. a torn last line of the history is cut off: it was never acted on;
//  3. the generation's link is made: a generation that is listed, never was current and is in
//     no record. Its number is not used again while it is there, and Prune removes it like others;
//  4. the record is appended and synced, and so is the directory: a record of something that did not
//     happen. The next record begins from another generation than this one led to, so History
//     says of it that it was not carried out. The other order, effect before record, could
//     leave a change that no record tells of;
//  5. current is replaced by rename and the directory synced: all done.
//
// In no case does the next command have to repair anything first. A rollback is steps 2, 4 and 5.
// Pruning is steps 2 and 4, then unlinking: a crash between leaves generations that the next Prune
// removes. Whether a generation is on trial, and what that leads back to, is in the record that made it current, so it
// is as durable as the switch; keeping it is one more record, and the end of a trial is a rollback.
//
// # What it does not promise
//
// The history shows changes made behind its back, by its chain; it cannot prevent them, and whoever
// can write it can write all of it anew. A profile whose current was removed or bent by hand is a
// *BrokenError until Rollback names a generation, or Switch replaces everything.
package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gostore/internal/digest"
	"gostore/internal/environment"
	"gostore/store"
)

// Default is the name of the profile that is meant where none is named.
const Default = "default"

const (
	currentName  = "current"
	historyName  = "history"
	filelockName = "filelock"

	// toStore leads from a profile's directory to the one that holds the objects.
	toStore = "../../store/"

	maxName = 64

	// maxNumber bounds generations, so that a name made by hand cannot make numbers overflow.
	maxNumber = 999_999_999
)

// ErrUnchanged says that what was asked for is already so. Nothing was written.
var ErrUnchanged = errors.New("nothing to change")

// NoGenerationError says that a profile has no such generation. errors.Is(err, fs.ErrNotExist) holds.
type NoGenerationError struct {
	Profile string
	Number  int   // 0 when none was named: there is no current one, or none before it
	Have    []int // the numbers of those that exist, ascending
}

func (e *NoGenerationError) Error() string {
	switch {
	case e.Number != 0:
		return fmt.Sprintf("profile %q has no generation %d", e.Profile, e.Number)
	case len(e.Have) == 0:
		return fmt.Sprintf("profile %q has no generations", e.Profile)
	}
	return fmt.Sprintf("profile %q has no earlier generation", e.Profile)
}

// Unwrap lets errors.Is find fs.ErrNotExist.
func (e *NoGenerationError) Unwrap() error { return fs.ErrNotExist }

// BrokenError says that a link of a profile does not lead where it should. Generations still lists;
// Rollback to a generation that is whole repairs it.
type BrokenError struct {
	Profile string
	Path    string // of the link
	Problem string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("profile %q: link %q %s", e.Profile, e.Path, e.Problem)
}

// Profile is one profile of a store. It holds nothing open.
type Profile struct {
	st   *store.Store
	name string
	dir  string
}

// Generation is one environment in a profile.
type Generation struct {
	Number  int
	Tree    digest.Tree // of the environment; zero when the link does not name one
	Made    time.Time   // as the history has it, or else the time of the link
	Current bool
	Dir     string // the environment's directory in the store, "" when the link does not name one
	Problem string // what is wrong with it, "" when nothing is

	// Tools are those of the environment, where Switch, Rollback and Tools return the generation: whoever
	// looks later may find that it was pruned and collected.
	Tools []environment.Tool

	// By is what the history says of the change, where Switch or Rollback made one and returns the generation.
	By Record
}

// CheckName reports whether name can be a profile's: at most 64 ASCII letters, digits and ". _ -",
// beginning with none of "." and "-".
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("profile name is empty")
	case len(name) > maxName:
		return fmt.Errorf("profile name %.20q… is longer than %d bytes", name, maxName)
	case name[0] == '.' || name[0] == '-':
		return fmt.Errorf("profile name %q begins with %q", name, name[:1])
	}
	for _, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		if !letter && !strings.ContainsRune("._-", r) {
			return fmt.Errorf("profile name %q: character %q is not allowed", name, r)
		}
	}
	return nil
}

// Open returns the profile with a name. It need not exist: the first Switch makes it.
func Open(st *store.Store, name string) (*Profile, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	return &Profile{st, name, filepath.Join(st.Dir(), store.ProfilesDir, name)}, nil
}

// List returns the names of the profiles in a store, sorted.
func List(st *store.Store) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(st.Dir(), store.ProfilesDir))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && CheckName(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Name returns the profile's name.
func (p *Profile) Name() string { return p.name }

// Dir returns the path of the link to the current environment. With bin behind it, it is what
// PATH should hold for programs that are to follow every switch.
func (p *Profile) Dir() string { return p.path(currentName) }

func (p *Profile) path(name string) string { return filepath.Join(p.dir, name) }

// Current returns the current generation. A profile that never had one gives a
// *NoGenerationError; a current that does not lead to an environment gives a *BrokenError. Made is the
// time of the link.
func (p *Profile) Current() (Generation, error) { return p.settled(p.current) }

// Tools is Current with the tools; an environment that cannot be read is an error.
func (p *Profile) Tools() (Generation, error) {
	return p.settled(func() (Generation, error) {
		g, err := p.current()
		if err != nil {
			return g, err
		}
		e, err := environment.Load(g.Dir)
		g.Tools = e.Tools
		return g, err
	})
}

// settled calls look, which reads the current generation, until it succeeds or fails without another
// generation having become current: readers hold no filelock, and what was current when they began
// can be pruned and collected while they look.
func (p *Profile) settled(look func() (Generation, error)) (Generation, error) {
	for {
		g, err := look()
		if err == nil {
			return g, nil
		}
		if now, nowErr := p.currentNumber(); nowErr != nil || now == g.Number {
			return g, err
		}
	}
}

func (p *Profile) current() (Generation, error) {
	number, err := p.currentNumber()
	if err != nil {
		return Generation{}, err
	}
	g, err := p.generation(number, number)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return g, p.broken(currentName, fmt.Sprintf("leads to generation %d, which does not exist", number))
	case err != nil:
		return g, err
	case g.Problem != "":
		return g, p.broken(strconv.Itoa(number), g.Problem)
	}
	return g, nil
}

// Generations returns the generations in ascending order, also those that are broken. A profile that does
// not exist has none.
func (p *Profile) Generations() ([]Generation, error) {
	numbers, err := p.numbers()
	if err != nil {
		return nil, err
	}
	current, _ := p.currentNumber() // a broken one is nobody's number
	made := make(map[int]time.Time)
	records, _ := p.History() // the links have a time as well
	for _, r := range records {
		if r.makes() {
			made[r.To.Number] = r.Time
		}
	}
	var list []Generation
	for _, n := range numbers {
		g, err := p.generation(n, current)
		if errors.Is(err, fs.ErrNotExist) {
			continue // pruned since the directory was read
		}
		if err != nil {
			return nil, err
		}
		if t, ok := made[n]; ok {
			g.Made = t
		}
		list = append(list, g)
	}
	return list, nil
}

func (p *Profile) broken(name, problem string) error {
	return &BrokenError{p.name, p.path(name), problem}
}

// currentNumber reads where current leads. It does not look whether that generation exists.
func (p *Profile) currentNumber() (int, error) {
	target, err := os.Readlink(p.path(currentName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, p.missingCurrent()
	case err != nil:
		if _, statErr := os.Lstat(p.path(currentName)); statErr == nil {
			return 0, p.broken(currentName, "is not a link")
		}
		return 0, err
	}
	number, ok := parseNumber(target)
	if !ok {
		return 0, p.broken(currentName, fmt.Sprintf("leads to %q, which is no generation", target))
	}
	return number, nil
}

// missingCurrent tells a profile that never had a current generation, where a crash in the first switch
// may have left one that is not current, from one whose link was lost.
func (p *Profile) missingCurrent() error {
	h, err := p.readHistory()
	if err != nil {
		return err
	}
	if h.problem != nil && !h.problem.Torn {
		return p.broken(currentName, "is missing")
	}
	for _, r := range h.records {
		if r.From.Number != 0 {
			return p.broken(currentName, "is missing")
		}
	}
	return &NoGenerationError{Profile: p.name}
}

// numbers returns the numbers of all generations, ascending: names that are nothing but a decimal
// number, so temporary and foreign names never count.
func (p *Profile) numbers() ([]int, error) {
	entries, err := os.ReadDir(p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, e := range entries {
		if n, ok := parseNumber(e.Name()); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// parseNumber reads a generation's name: a decimal number from 1 without sign or leading zero.
func parseNumber(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0 && n <= maxNumber && strconv.Itoa(n) == s
}

// generation reads one generation's link and looks whether its environment is there.
func (p *Profile) generation(number, current int) (Generation, error) {
	g := Generation{Number: number, Current: number == current}
	path := p.path(strconv.Itoa(number))
	fi, err := os.Lstat(path)
	if err != nil {
		return g, err
	}
	g.Made = fi.ModTime()
	if fi.Mode()&fs.ModeSymlink == 0 {
		g.Problem = "is not a link"
		return g, nil
	}
	target, err := os.Readlink(path)
	if err != nil {
		return g, err
	}
	o, ok := parseTarget(target)
	if !ok {
		g.Problem = fmt.Sprintf("leads to %q, which is no object", target)
		return g, nil
	}
	g.Tree, g.Dir = o.Tree, p.st.Path(o)
	if fi, err := os.Lstat(g.Dir); err != nil || !fi.IsDir() {
		g.Problem = fmt.Sprintf("leads to %q, which is not in the store", o.Base())
	}
	return g, nil
}

// parseTarget reads the target of a generation's link.
func parseTarget(target string) (store.Object, bool) {
	base, ok := strings.CutPrefix(target, toStore)
	if !ok {
		return store.Object{}, false
	}
	o, err := store.ParseBase(base)
	return o, err == nil && !strings.Contains(base, "/")
}
