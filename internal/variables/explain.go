package variables

import (
	"maps"
	"slices"

	"gostore/internal/environment"
	"gostore/internal/goenv"
)

// Input is everything that has a say.
type Input struct {
	Said     []Said // above the tools, in the order in which Apply takes them: the last of a name counts
	Tools    []environment.Tool
	Applied  []string // what Apply returned
	Inherits []string // what it was given

	// What follows is the go command's. Defaults and Effective are empty where no tool is a Go.
	GoEnv, ToolchainEnv goenv.File
	Defaults            map[string]string // what the locked Go says when nobody says anything
	Effective           map[string]string // what it says in the environment
}

// State is what becomes of what a layer says.
type State string

// The states.
const (
	Wins     State = "wins"
	Shadowed State = "shadowed" // something higher counts
	Removes  State = "removes"  // the variable is not set, or empty; only what the toolchain itself says is left
	Empty    State = "empty"    // to the go command as good as not said
	Ignored  State = "ignored"  // the go command does not read this variable from a file
)

// Entry is what one layer says about a variable.
type Entry struct {
	Layer Layer
	Place string // who exactly, "" where the layer says it
	Value string
	Unset bool
	State State
	Fight string // why an entry of the go env file fights with the lock, "" when it does not
}

// Variable is a variable with all that is said about it, the highest layer first.
type Variable struct {
	Name    string
	Value   string
	Set     bool // false where nobody that counts sets it
	Entries []Entry
}

// Interesting reports whether more than one layer speaks of v, or somebody above the process does, or an entry fights with the lock.
func (v Variable) Interesting() bool {
	return len(v.Entries) > 1 || slices.ContainsFunc(v.Entries, func(e Entry) bool { return e.Layer > Process || e.Fight != "" })
}

// Explain returns all variables that anybody speaks of, sorted by name.
func Explain(in Input) []Variable {
	entries := make(map[string][]Entry)
	add := func(name string, e Entry) { entries[name] = append(entries[name], e) }
	for _, s := range slices.Backward(in.Said) {
		add(s.Name, Entry{Layer: s.Layer, Place: s.Place, Value: s.Value, Unset: s.Unset})
	}
	in.addTools(add)
	for name, value := range asMap(in.Inherits) {
		add(name, Entry{Layer: Process, Value: value})
	}
	addFile(add, in.GoEnv, GoEnvFile)
	addFile(add, in.ToolchainEnv, ToolchainFile)
	for name, value := range in.Defaults {
		_, stated := in.ToolchainEnv.Get(name)
		silent := value == "" && in.Effective[name] == ""
		if !stated && !silent && name != "GOGCCFLAGS" { // which names a new directory each time
			add(name, Entry{Layer: Default, Value: value})
		}
	}
	var all []Variable
	for _, name := range names(entries) {
		all = append(all, in.decide(name, entries[name]))
	}
	return all
}

// addTools adds what tools set and take away. PATH and the variables of the environment itself are theirs, too.
func (in Input) addTools(add func(string, Entry)) {
	applied := asMap(in.Applied)
	for _, t := range in.Tools {
		for _, name := range slices.Sorted(maps.Keys(t.Layout.Set)) {
			value := t.Layout.Set[name]
			if e, ok := applied[name]; ok && !in.overruled(name) {
				value = e // with directories as they are
			}
			add(name, Entry{Layer: Tools, Place: t.String(), Value: value})
		}
	}
	for _, t := range in.Tools { // what one tool sets another cannot take away
		for _, name := range t.Layout.Unset {
			add(name, Entry{Layer: Tools, Place: t.String(), Unset: true})
		}
	}
	for _, name := range []string{"PATH", environment.VarTools, environment.VarEnvironment, environment.VarShell} {
		if value, ok := applied[name]; ok {
			add(name, Entry{Layer: Tools, Place: "environment", Value: value})
		}
	}
}

func (in Input) overruled(name string) bool {
	return slices.ContainsFunc(in.Said, func(s Said) bool { return s.Name == name })
}

func addFile(add func(string, Entry), f goenv.File, layer Layer) {
	said := make(map[string]bool)
	for _, line := range slices.Backward(f.Lines) {
		if said[line.Name] {
			continue
		}
		said[line.Name] = true
		e := Entry{Layer: layer, Place: f.Place(line), Value: line.Value}
		if layer == GoEnvFile {
			e.Fight = Fights(line.Name, line.Value)
		}
		add(line.Name, e)
	}
}

// decide finds out what counts of what is said about a variable, from the highest layer down.
func (in Input) decide(name string, entries []Entry) Variable {
	v := Variable{Name: name, Entries: entries}
	floor := CommandLine // nothing above this layer counts any more
	for i := range entries {
		e := &entries[i]
		switch {
		case v.Set || e.Layer > floor:
			e.State = Shadowed
		case (e.Layer == GoEnvFile || e.Layer == ToolchainFile) && (processOnly()[name] || !known()[name] && !in.answers(name)):
			e.State = Ignored
		case e.Unset, e.Value == "" && known()[name] && e.Layer > Process:
			e.State = Removes
			floor = ToolchainFile
		case e.Value == "" && e.Layer == GoEnvFile: // such a line covers that of go.env
			e.State = Removes
			floor = Default
		case e.Value == "" && known()[name] && e.Layer > Default:
			e.State = Empty
		default:
			e.State = Wins
			v.Value, v.Set = e.Value, true
		}
		if effective, ok := in.Effective[name]; ok && e.State == Wins && e.Layer == Default {
			e.Value, v.Value = effective, effective // some follow others: GOMODCACHE is below GOPATH
		}
	}
	if n := len(entries); n > 0 && entries[n-1] == (Entry{Layer: Default, State: Shadowed}) { // only in Effective
		v.Entries = entries[:n-1]
	}
	return v
}

// answers reports whether the locked Go has an opinion of a variable that is not known here.
func (in Input) answers(name string) bool {
	_, ok := in.Effective[name]
	return ok
}
