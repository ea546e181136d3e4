package hook

import (
	"maps"
	"slices"
	"strings"
)

// Vars are the variables that are exported to programs.
type Vars map[string]string

// VarsOf returns the variables of an environment (KEY=VALUE, as os.Environ). The last of a name counts.
func VarsOf(environ []string) Vars {
	vars := make(Vars, len(environ))
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok {
			vars[name] = value
		}
	}
	return vars
}

// Environ returns the variables as KEY=VALUE, sorted.
func (v Vars) Environ() []string {
	var environ []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		environ = append(environ, name+"="+v[name])
	}
	return environ
}

func (v Vars) value(name string) Value {
	text, ok := v[name]
	return Value{ok, text}
}

func (v Vars) put(name string, value Value) {
	if value.Set {
		v[name] = value.Text
	} else {
		delete(v, name)
	}
}

// Diff returns what has to be changed to come from v to other, sorted by name.
func (v Vars) Diff(other Vars) []Change {
	names := maps.Clone(v)
	maps.Copy(names, other)
	var changes []Change
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if before, after := v.value(name), other.value(name); before != after {
			changes = append(changes, Change{name, before, after})
		}
	}
	return changes
}

// Leave returns the variables as they were before the hook changed them. One that was changed since by somebody else stays as it
// is; of a changed PATH only the project's commands are taken out.
func (s State) Leave(now Vars) Vars {
	before := maps.Clone(now)
	delete(before, VarState)
	for _, c := range s.Changes {
		switch value := now.value(c.Name); {
		case value == c.After:
			before.put(c.Name, c.Before)
		case c.Name == "PATH":
			before.put(c.Name, s.leavePath(c, value))
		}
	}
	return before
}

// leavePath returns a PATH that was changed since without the project's commands. Where these are not on it any more, or were
// before, it stays as it is.
func (s State) leavePath(c Change, now Value) Value {
	if !onPath(now.Text, s.Bin) || onPath(c.Before.Text, s.Bin) {
		return now
	}
	rest := replaceOnPath(now.Text, s.Bin, "")
	if rest == replaceOnPath(c.After.Text, s.Bin, "") { // only its place was changed
		return c.Before
	}
	return Value{true, rest}
}

// Enter returns the variables of a shell in a project, of which bin is the directory of commands, and the state that undoes it. apply
// puts the project's variables on top of others.
//
// What a person changed after the shell entered the same project stays theirs until the shell leaves. With anew the shell is entering it: then the
// project's variables count.
func (s State) Enter(now Vars, project, bin string, anew bool, apply func(Vars) Vars) (State, Vars) {
	before := s.Leave(now)
	after := apply(before)
	next := State{Project: project, Bin: bin, Changes: before.Diff(after)}
	if anew || s.Project != project || s.Bin == "" {
		return next, after
	}
	for _, c := range s.Changes {
		value := now.value(c.Name)
		switch {
		case c.Name == "PATH":
			c.After.Text = replaceOnPath(c.After.Text, s.Bin, bin)
			after.put(c.Name, Value{value.Set, replaceOnPath(value.Text, s.Bin, bin)})
		case value != c.After:
			after.put(c.Name, value)
		default:
			continue
		}
		next.Changes = slices.DeleteFunc(next.Changes, func(other Change) bool { return other.Name == c.Name })
		next.Changes = append(next.Changes, c)
	}
	slices.SortFunc(next.Changes, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return next, after
}

// Uncover takes away those empty variables that stand for one that is not set: in fish, a universal variable can be hidden
// from programs in no other way.
func (s State) Uncover(now Vars) {
	for _, c := range s.Changes {
		if value := now.value(c.Name); !c.After.Set && value == (Value{Set: true}) {
			delete(now, c.Name)
		}
	}
}

func onPath(path, dir string) bool { return slices.Contains(strings.Split(path, ":"), dir) }

// replaceOnPath returns path with another directory in dir's place, or without dir where other is "".
func replaceOnPath(path, dir, other string) string {
	var entries []string
	for entry := range strings.SplitSeq(path, ":") {
		switch {
		case entry != dir || dir == "":
			entries = append(entries, entry)
		case other != "":
			entries = append(entries, other)
		}
	}
	return strings.Join(entries, ":")
}
