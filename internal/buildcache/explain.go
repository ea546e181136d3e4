package buildcache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/command"
	"gostore/internal/sys"
)

// explained is how many poisoned packages are built again to find out why. What is behind one is nearly always behind all.
const explained = 5

// explain finds out what is behind what is poisoned, by building single packages again: in the same environment, whether they come to the
// same at all; without variables that are in no key; and by looking for headers and compilers that changed since.
func (b Build) explain(ctx context.Context, log hashLog, all []Poison) error {
	var known []string // variables that were behind others
	n := 0
	for i := range all {
		p := &all[i]
		if p.Damaged || p.Package == "" {
			continue
		}
		if n++; n > explained {
			p.Why = "not looked into; see the others"
			continue
		}
		s := suspect{Build: b, log: log, p: p}
		why, names, err := s.why(ctx, known)
		if err != nil {
			return fmt.Errorf("looking for what is behind %s: %w", p.Package, err)
		}
		p.Why, known = why, append(known, names...)
	}
	return nil
}

// suspect is one package under examination.
type suspect struct {
	Build
	log hashLog
	p   *Poison
}

// why says what is behind a poisoned package; names are the variables that are.
func (s suspect) why(ctx context.Context, known []string) (why string, names []string, err error) {
	id := s.p.IDs[0]
	old, err := s.Cache.Entry(id)
	if err != nil {
		return "", nil, err
	}
	first, err := s.scratch().Entry(id)
	if err != nil {
		return "", nil, err
	}
	made := s.producers(old, first)
	deps := filepath.Join(s.Scratch, "headers")
	again, err := s.again(ctx, s.Go.Environ, "SUNPRO_DEPENDENCIES="+deps)
	if err != nil {
		return "", nil, err
	}
	if again != first.Output {
		return "the same build twice gives two results: something in it depends on the time, on chance or on other processes" + made, nil, nil
	}
	names, err = s.variables(ctx, old.Output, known)
	if err != nil {
		return "", nil, err
	}
	if len(names) > 0 {
		// Only the names: what is found is published, and a value may be a secret.
		words := []string{"variable", "it is"}
		if len(names) > 1 {
			words = []string{"variables", "they are"}
		}
		return fmt.Sprintf("without the %s %s the build gives what is cached: %s not part of the key", words[0], strings.Join(names, " and "), words[1]) + made, names, nil
	}
	if files := s.newer(deps, old.Made); len(files) > 0 {
		return "changed since, and not part of the key: " + strings.Join(files, ", ") + made, nil, nil
	}
	return "no variable that is set now is behind it; one that was set when it was made, or a file that was replaced, may be" + made, nil, nil
}

// again builds the package once more in an environment and returns the digest of the result, "" where the key became another one.
func (s suspect) again(ctx context.Context, environ []string, set ...string) (string, error) {
	for _, id := range s.log.of(s.p.Action) {
		if err := os.Remove(s.scratch().EntryFile(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	g := s.Go
	g.Environ = append(slices.Clone(environ), set...)
	if _, err := s.buildIn(ctx, g, s.p.Package); err != nil {
		var failed *command.Error
		if errors.As(err, &failed) {
			return "", nil // without what was left out it cannot be built: that says nothing
		}
		return "", err
	}
	e, err := s.scratch().Entry(s.p.IDs[0])
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return e.Output, err
}

// variables finds the variables without which the build gives a result. Those that were found before are tried first.
func (s suspect) variables(ctx context.Context, want string, known []string) ([]string, error) {
	gives := func(without []string) (bool, error) {
		got, err := s.again(ctx, drop(s.Go.Environ, without))
		return got == want, err
	}
	if len(known) > 0 {
		if ok, err := gives(known); ok || err != nil {
			return known, err
		}
	}
	candidates := outsideKeys(s.Go.Environ)
	if ok, err := gives(candidates); !ok || err != nil {
		return nil, err
	}
	return fewest(nil, candidates, gives)
}

// fewest returns as few as possible of the names in set that do together, with those in fixed, what all of them do. It asks some times the
// logarithm of their number for each that it returns.
func fewest(fixed, set []string, do func(names []string) (bool, error)) ([]string, error) {
	if len(set) < 2 {
		return set, nil
	}
	left, right := set[:len(set)/2], set[len(set)/2:]
	for _, half := range [][]string{left, right} {
		if ok, err := do(slices.Concat(fixed, half)); ok || err != nil {
			if err != nil {
				return nil, err
			}
			return fewest(fixed, half, do)
		}
	}
	some, err := fewest(slices.Concat(fixed, right), left, do) // both halves have a part in it
	if err != nil {
		return nil, err
	}
	others, err := fewest(slices.Concat(fixed, some), right, do)
	return slices.Concat(some, others), err
}

// outsideKeys returns the variables of an environment that are in no key, without those that every program needs.
func outsideKeys(environ []string) []string {
	var names []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case strings.HasPrefix(name, "GO"), strings.HasPrefix(name, "CGO_"), slices.Contains(names, name):
		case slices.Contains([]string{"PATH", "HOME", "TMPDIR", "CC", "CXX", "FC", "AR", "PKG_CONFIG", "USER"}, name):
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// drop returns an environment without some variables.
func drop(environ, names []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(names, name)
	})
}

// newer returns the headers and compilers of the package that changed after a time. deps is what the C compiler was made to write: rules for
// make, each "target: file file \".
func (s suspect) newer(deps string, made time.Time) []string {
	data, err := os.ReadFile(deps)
	if err != nil {
		return nil // no C in it, or another compiler
	}
	files := dependencies(data)
	if cc, _, _ := strings.Cut(s.Go.Getenv("CC"), " "); filepath.IsAbs(cc) {
		files = append(files, cc)
	}
	var changed []string
	for _, file := range files {
		var st unix.Stat_t
		inWork := strings.Contains(file, string(filepath.Separator)+"go-build")
		if inWork || slices.ContainsFunc(changed, func(c string) bool { return strings.HasPrefix(c, file+" ") }) || sys.Stat(file, &st) != nil {
			continue
		}
		// A package manager sets back the time of modification, but nobody sets the time of the inode's last change.
		if at := time.Unix(st.Ctim.Unix()); at.After(made) {
			changed = append(changed, file+" ("+at.UTC().Format("2006-01-02 15:04:05")+")")
		}
	}
	return changed
}

// dependencies returns the absolute paths in rules for make.
func dependencies(data []byte) []string {
	var files []string
	for word := range strings.FieldsSeq(strings.ReplaceAll(string(data), "\\\n", " ")) {
		if filepath.IsAbs(word) && !strings.HasSuffix(word, ":") && !slices.Contains(files, word) {
			files = append(files, word)
		}
	}
	return files
}

// producers says by which C compilers two results were made, where that differs; the debug information holds it with the flags.
func (s suspect) producers(old, is Entry) string {
	was, err := os.ReadFile(s.Cache.OutputFile(old.Output))
	if err != nil {
		return ""
	}
	now, err := os.ReadFile(s.scratch().OutputFile(is.Output))
	if err != nil {
		return ""
	}
	a, b := producersOf(was), producersOf(now)
	onlyOld := slices.DeleteFunc(slices.Clone(a), func(p string) bool { return slices.Contains(b, p) })
	onlyNew := slices.DeleteFunc(slices.Clone(b), func(p string) bool { return slices.Contains(a, p) })
	if len(onlyOld) == 0 || len(onlyNew) == 0 {
		return ""
	}
	return fmt.Sprintf("; its C is by %q, now by %q", onlyOld[0], onlyNew[0])
}

// producersOf returns what C compilers wrote into debug information to name themselves.
func producersOf(data []byte) []string {
	var found []string
	for _, begin := range []string{"GNU C", "clang version "} {
		for rest := data; ; {
			i := bytes.Index(rest, []byte(begin))
			if i < 0 {
				break
			}
			rest = rest[i:]
			end := bytes.IndexFunc(rest, func(r rune) bool { return r < ' ' || r > '~' })
			if end < 0 {
				end = len(rest)
			}
			if text := string(rest[:end]); len(text) > len(begin) && !slices.Contains(found, text) {
				found = append(found, text)
			}
			rest = rest[end:]
		}
	}
	return found
}
