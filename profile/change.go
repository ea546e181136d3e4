package profile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gostore/internal/durable"
	"gostore/internal/environment"
	"gostore/internal/filelock"
	"gostore/store"
)

// Change says how to make the next generation.
type Change struct {
	Action Action // Switch where it is "", or Remove
	Who    Who
	Time   time.Time // now where it is zero

	// For says that the generation is on trial for so long, where it is not 0. A profile that has no generation to go back to
	// is then a *NoGenerationError.
	For time.Duration

	// Edit gets the tools of the current generation and returns a lease on the environment that is to
	// follow, built and checked. It runs under the profile's filelock, so it should not go to the network:
	// what can be installed before is. Switch releases the lease.
	Edit func(current []environment.Tool) (*store.Lease, error)

	// Replace says that Edit does not need the current tools. It gets none, and a broken profile is
	// no obstacle. Without it a switch of a broken profile is refused: it would lose tools.
	Replace bool
}

// Switch makes a generation of the environment that c.Edit returns and makes it current. When that is the
// current environment already, it returns the current generation with ErrUnchanged. Errors of Edit are returned as
// they are, those of a broken profile are *BrokenError; in both cases nothing has changed.
func (p *Profile) Switch(ctx context.Context, c Change) (Generation, error) {
	unlock, err := p.lock(ctx, true)
	if err != nil {
		return Generation{}, err
	}
	defer unlock()

	from, tools, err := p.before(c.Replace)
	if err != nil {
		return Generation{}, err
	}
	var trial *Trial
	if c.For > 0 {
		if trial, err = p.begin(from, c.For, c.Time); err != nil {
			return Generation{}, err
		}
	}
	lease, err := c.Edit(slices.Clone(tools))
	if err != nil {
		return Generation{}, err
	}
	// The generation is a root once its link is durable; until then the lease keeps the environment.
	defer lease.Release()
	to, err := environment.Load(lease.Path())
	if err != nil {
		return Generation{}, err
	}
	if from.Problem == "" && from.Number != 0 && from.Tree == lease.Object().Tree {
		from.Tools = to.Tools
		return from, ErrUnchanged
	}
	record := Record{
		Time: now(c.Time), Action: cmp.Or(c.Action, Switch), Who: c.Who,
		From: from.point(), Changes: diff(tools, to.Tools), Trial: trial,
	}
	g, err := p.commit(lease, record)
	g.Tools = to.Tools
	return g, err
}

// commit is steps 2 to 5 of a switch.
func (p *Profile) commit(lease *store.Lease, r Record) (Generation, error) {
	t, err := p.readTail()
	if err != nil {
		return Generation{}, err
	}
	numbers, err := p.numbers()
	if err != nil {
		return Generation{}, err
	}
	g := Generation{
		Number: max(t.highest, slices.Max(append(numbers, 0))) + 1,
		Tree:   lease.Object().Tree, Made: r.Time, Current: true, Dir: lease.Path(),
	}
	if g.Number > maxNumber {
		return Generation{}, fmt.Errorf("profile %q: no number is left after %d", p.name, maxNumber)
	}
	name := strconv.Itoa(g.Number)
	// The environment's name must not be less durable than the link that leads to it, nor a new profile's than what is in it:
	// whoever made them may not have come to sync them.
	if err := p.st.SyncNames(); err != nil {
		return Generation{}, err
	}
	if r.From.Number == 0 {
		if err := durable.SyncDir(filepath.Dir(p.dir)); err != nil {
			return Generation{}, err
		}
	}
	// symlink never replaces anything: should somebody have made this name by hand, it is an error.
	if err := os.Symlink(toStore+lease.Object().Base(), p.path(name)); err != nil {
		return Generation{}, err
	}
	r.To = g.point()
	if g.By, err = p.appendRecord(t, r); err != nil {
		return Generation{}, errors.Join(err, os.Remove(p.path(name)))
	}
	// The link and a new history must not be less durable than the current that is to rely on them.
	if err := durable.SyncDir(p.dir); err != nil {
		return Generation{}, err
	}
	return g, p.flip(name)
}

// Rollback makes another generation current: number to, or for 0 the highest one below the current one. It
// returns that generation; with ErrUnchanged when it is current already. A *NoGenerationError says that there
// is none, a *BrokenError that its environment is gone. Rollback to a number also works in a profile
// whose current is broken.
func (p *Profile) Rollback(ctx context.Context, to int, who Who, at time.Time) (Generation, error) {
	unlock, err := p.lock(ctx, false)
	if err != nil {
		return Generation{}, err
	}
	defer unlock()

	from, tools, err := p.before(to != 0)
	if err != nil {
		return Generation{}, err
	}
	number, err := p.target(from.Number, to)
	if err != nil {
		return Generation{}, err
	}
	return p.back(from, tools, number, who, at)
}

// back makes generation number current, with the filelock held; from is the current one, and tools are its.
func (p *Profile) back(from Generation, tools []environment.Tool, number int, who Who, at time.Time) (Generation, error) {
	g, err := p.generation(number, number)
	if err != nil {
		return Generation{}, err
	}
	if g.Problem != "" {
		return g, p.broken(strconv.Itoa(number), g.Problem)
	}
	target, err := environment.Load(g.Dir)
	if err != nil {
		return g, err
	}
	g.Tools = target.Tools
	if number == from.Number {
		return g, ErrUnchanged
	}
	t, err := p.readTail()
	if err != nil {
		return g, err
	}
	record := Record{
		Time: now(at), Action: Rollback, Who: who,
		From: from.point(), To: g.point(), Changes: diff(tools, target.Tools),
	}
	if g.By, err = p.appendRecord(t, record); err != nil {
		return g, err
	}
	// A switch that was killed may have left the generation's link without making it durable.
	if err := durable.SyncDir(p.dir); err != nil {
		return g, err
	}
	return g, p.flip(strconv.Itoa(number))
}

// target settles which generation a rollback leads to.
func (p *Profile) target(current, to int) (int, error) {
	numbers, err := p.numbers()
	if err != nil {
		return 0, err
	}
	if to != 0 {
		if !slices.Contains(numbers, to) {
			return 0, &NoGenerationError{p.name, to, numbers}
		}
		return to, nil
	}
	for _, n := range slices.Backward(numbers) {
		if n < current {
			return n, nil
		}
	}
	return 0, &NoGenerationError{p.name, 0, numbers}
}

// Pruning says which generations to remove. The current one is always kept, and the one that a trial leads back to.
type Pruning struct {
	Keep   int       // this many of the newest are kept, whether current or not
	Before time.Time // of the others those made before this; all where it is zero
	DryRun bool      // only say which
	Who    Who
	Time   time.Time // now where it is zero
}

// Prune removes generations and returns them, ascending. Their environments become garbage unless
// something else keeps them. In a profile whose current is broken nothing is removed: it is a *BrokenError.
// It needs no free space; on a full disk the history may lack the record.
func (p *Profile) Prune(ctx context.Context, rule Pruning) ([]Generation, error) {
	unlock, err := p.lock(ctx, false)
	if err != nil {
		return nil, err
	}
	defer unlock()

	current, err := p.Current()
	if err != nil && !isNone(err) {
		return nil, err
	}
	all, err := p.Generations()
	if err != nil {
		return nil, err
	}
	trial, err := p.trialOf(current.Number)
	if err != nil {
		return nil, err
	}
	kept := min(max(rule.Keep, 0), len(all))
	doomed := slices.DeleteFunc(all[:len(all)-kept], func(g Generation) bool {
		return g.Current || trial != nil && g.Number == trial.Back.Number || !rule.Before.IsZero() && !g.Made.Before(rule.Before)
	})
	if rule.DryRun || len(doomed) == 0 {
		return doomed, nil
	}
	t, err := p.readTail()
	if err != nil {
		return nil, err
	}
	record := Record{Time: now(rule.Time), Action: Prune, Who: rule.Who, From: current.point(), To: current.point()}
	for _, g := range doomed {
		record.Pruned = append(record.Pruned, g.Number)
	}
	// On a full disk the record is left out: what is removed here is what makes room for the next one.
	if _, err := p.appendRecord(t, record); err != nil && !isFull(err) {
		return nil, err
	}
	for i, g := range doomed {
		if err := os.Remove(p.path(strconv.Itoa(g.Number))); err != nil {
			return doomed[:i], errors.Join(err, durable.SyncDir(p.dir))
		}
	}
	return doomed, durable.SyncDir(p.dir)
}

// lock takes the profile's filelock. create says that the profile is made where it does not exist; else it
// is a *NoGenerationError.
func (p *Profile) lock(ctx context.Context, create bool) (unlock func(), err error) {
	if create {
		// Its name becomes durable with the first generation.
		if err := os.Mkdir(p.dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	// A link would lead to links that are no roots, because Trees does not follow it.
	if fi, err := os.Lstat(p.dir); err == nil && !fi.IsDir() {
		return nil, &BrokenError{p.name, p.dir, "is not a directory"}
	}
	held, err := filelock.Lock(ctx, p.path(filelockName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NoGenerationError{Profile: p.name}
	}
	if err != nil {
		return nil, fmt.Errorf("profile %q: %w", p.name, err)
	}
	return func() {
		p.fillSpare()
		held.Release()
	}, nil
}

// before returns the current generation and its tools, neither when the profile has none. anyway says that a
// broken one is no obstacle: then what is known of it is returned, and no tools.
func (p *Profile) before(anyway bool) (Generation, []environment.Tool, error) {
	g, err := p.Current()
	if isNone(err) {
		return Generation{}, nil, nil
	}
	var e environment.Environment
	if err == nil {
		e, err = environment.Load(g.Dir)
	}
	if err != nil && !anyway {
		return g, nil, err
	}
	return g, e.Tools, nil
}

// isNone reports whether a profile has no current generation without being broken.
func isNone(err error) bool {
	var none *NoGenerationError
	return errors.As(err, &none)
}

func (g Generation) point() Point { return Point{g.Number, g.Tree} }

func now(t time.Time) time.Time {
	if t.IsZero() {
		t = time.Now()
	}
	return t.UTC().Truncate(time.Second)
}

// diff says how two sets of tools differ, by tool name.
func diff(was, is []environment.Tool) []ToolChange {
	before, after := byName(was), byName(is)
	names := maps.Clone(before)
	maps.Copy(names, after)
	var changes []ToolChange
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !reflect.DeepEqual(before[name], after[name]) {
			changes = append(changes, ToolChange{name, versions(before[name]), versions(after[name])})
		}
	}
	return changes
}

func byName(tools []environment.Tool) map[string][]environment.Tool {
	m := make(map[string][]environment.Tool)
	for _, t := range tools {
		m[t.Name] = append(m[t.Name], t)
	}
	return m
}

func versions(tools []environment.Tool) string {
	var list []string
	for _, t := range tools {
		list = append(list, t.Version)
	}
	return strings.Join(list, " ")
}
