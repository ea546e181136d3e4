package hook

import (
	"maps"
	"reflect"
	"strings"
	"testing"
)

const bin, otherBin = "/store/a/bin", "/store/b/bin"

// project returns what puts a project's variables on top of others, as package environment does: a nil value is one that is not set.
func project(bin string, settings map[string]*string) func(Vars) Vars {
	return func(vars Vars) Vars {
		after := maps.Clone(vars)
		for name, value := range settings {
			if value == nil {
				delete(after, name)
			} else {
				after[name] = *value
			}
		}
		path := vars["PATH"]
		if path == "" {
			path = "/usr/bin:/bin"
		}
		after["PATH"] = bin + ":" + replaceOnPath(path, bin, "")
		return after
	}
}

func text(s string) *string { return &s }

// What was there before is there afterwards, whatever it was.
func TestLeaveRestores(t *testing.T) {
	settings := map[string]*string{"A": text("project's"), "EMPTY": text(""), "GONE": nil}
	for _, before := range []Vars{
		{},
		{"PATH": ""},
		{"PATH": "/bin"},
		{"PATH": "/bin::/usr/bin:"},
		{"PATH": bin + ":/bin"},
		{"PATH": "/bin:" + bin + ":/usr/bin"},
		{"PATH": "/bin", "A": "", "EMPTY": "full", "GONE": "here", "OTHER": "x"},
		{"PATH": "/bin", "A": "project's", "GONE": ""},
		{"PATH": "/bin", "A": "a\nb'\"\\$(x)\xff", "GONE": "=\n="},
	} {
		s, in := State{}.Enter(before, "/p", bin, true, project(bin, settings))
		if in["A"] != "project's" || !strings.HasPrefix(in["PATH"], bin+":") {
			t.Errorf("%q: not applied: %q", before, in)
		}
		if _, ok := in["GONE"]; ok {
			t.Errorf("%q: GONE is there", before)
		}
		in[VarState] = "whatever"
		if after := roundTrip(t, s).Leave(in); !maps.Equal(after, before) {
			t.Errorf("before %q, after %q", before, after)
		}
	}
}

func roundTrip(t *testing.T, s State) State {
	t.Helper()
	text, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(text)
	if err != nil || !reflect.DeepEqual(again, s) {
		t.Fatalf("%+v\nwas written as %q\nand read as %+v, %v", s, text, again, err)
	}
	return again
}

// What a person changed meanwhile stays, and nothing of the project does.
func TestLeaveKeeps(t *testing.T) {
	before := Vars{"PATH": "/bin:/usr/bin", "A": "old", "GONE": "old"}
	settings := map[string]*string{"A": text("project's"), "NEW": text("project's"), "GONE": nil}
	for _, c := range []struct {
		name   string
		change Vars // "-" takes a variable away
		want   Vars
	}{
		{"nothing", Vars{}, before},
		{"a value", Vars{"A": "mine", "NEW": "mine", "GONE": "mine"}, Vars{"PATH": "/bin:/usr/bin", "A": "mine", "NEW": "mine", "GONE": "mine"}},
		{"taken away", Vars{"A": "-", "NEW": "-"}, Vars{"PATH": "/bin:/usr/bin", "GONE": "old"}},
		{"emptied", Vars{"A": "", "NEW": "", "GONE": ""}, Vars{"PATH": "/bin:/usr/bin", "A": "", "NEW": "", "GONE": ""}},
		{"another", Vars{"X": "mine"}, Vars{"PATH": "/bin:/usr/bin", "A": "old", "GONE": "old", "X": "mine"}},
		{"PATH in front", Vars{"PATH": "/mine:" + bin + ":/bin:/usr/bin"}, Vars{"PATH": "/mine:/bin:/usr/bin", "A": "old", "GONE": "old"}},
		{"PATH behind", Vars{"PATH": bin + ":/bin:/usr/bin:/mine"}, Vars{"PATH": "/bin:/usr/bin:/mine", "A": "old", "GONE": "old"}},
		{"PATH without one", Vars{"PATH": bin + ":/usr/bin"}, Vars{"PATH": "/usr/bin", "A": "old", "GONE": "old"}},
		{"PATH without ours", Vars{"PATH": "/usr/bin:/bin"}, Vars{"PATH": "/usr/bin:/bin", "A": "old", "GONE": "old"}},
		{"ours moved", Vars{"PATH": "/bin:" + bin + ":/usr/bin"}, before},
		{"ours twice", Vars{"PATH": bin + ":/bin:" + bin + ":/usr/bin"}, before},
		{"PATH taken away", Vars{"PATH": "-"}, Vars{"A": "old", "GONE": "old"}},
	} {
		s, in := State{}.Enter(before, "/p", bin, true, project(bin, settings))
		for name, value := range c.change {
			in.put(name, Value{value != "-", value})
		}
		if got := roundTrip(t, s).Leave(in); !maps.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// A project that changes while a shell is in it is applied anew; what the person changed stays, until the end.
func TestEnterAgain(t *testing.T) {
	before := Vars{"PATH": "/bin", "A": "old"}
	first := project(bin, map[string]*string{"A": text("1"), "B": text("1"), "C": text("1")})
	second := project(otherBin, map[string]*string{"A": text("2"), "B": text("2"), "D": text("2")})
	s, vars := State{}.Enter(before, "/p", bin, true, first)
	vars["B"], vars["PATH"] = "mine", "/mine:"+vars["PATH"]
	s, vars = roundTrip(t, s).Enter(vars, "/p", otherBin, false, second)
	want := Vars{"PATH": "/mine:" + otherBin + ":/bin", "A": "2", "B": "mine", "D": "2"}
	if !maps.Equal(vars, want) {
		t.Errorf("inside: %q, want %q", vars, want)
	}
	s, vars = roundTrip(t, s).Enter(vars, "/p", bin, false, first)
	if want := (Vars{"PATH": "/mine:" + bin + ":/bin", "A": "1", "B": "mine", "C": "1"}); !maps.Equal(vars, want) {
		t.Errorf("and back: %q, want %q", vars, want)
	}
	if got, want := roundTrip(t, s).Leave(vars), (Vars{"PATH": "/mine:/bin", "A": "old", "B": "mine"}); !maps.Equal(got, want) {
		t.Errorf("outside: %q, want %q", got, want)
	}
}

// A shell that starts in the project is entering it, with what its start files did; so is one that comes from another project.
func TestEnterAnew(t *testing.T) {
	apply := project(bin, map[string]*string{"A": text("1")})
	s, vars := State{}.Enter(Vars{"PATH": "/bin"}, "/p", bin, true, apply)
	vars["A"], vars["PATH"] = "start file's", "/mine:"+vars["PATH"]
	for _, from := range []string{"/p", "/other"} {
		s := s
		s.Project = from
		anew := from == "/p"
		next, in := s.Enter(vars, "/p", bin, anew, apply)
		if want := (Vars{"PATH": bin + ":/mine:/bin", "A": "1"}); !maps.Equal(in, want) {
			t.Errorf("from %s: %q, want %q", from, in, want)
		}
		if got, want := next.Leave(in), (Vars{"PATH": "/mine:/bin", "A": "start file's"}); !maps.Equal(got, want) {
			t.Errorf("from %s: outside %q, want %q", from, got, want)
		}
	}
}

// A PATH that was not set, or that had the project's commands on it, is no ordinary list that they were put before.
func TestLeaveOddPath(t *testing.T) {
	apply := project(bin, nil)
	for _, c := range []struct {
		before    Vars
		now, want string // "-" is not set
	}{
		{Vars{}, "/usr/bin:" + bin + ":/bin", "-"},
		{Vars{}, "/mine:" + bin + ":/usr/bin:/bin", "/mine:/usr/bin:/bin"},
		{Vars{"PATH": "/bin:" + bin}, "/mine:" + bin + ":/bin", "/mine:" + bin + ":/bin"},
		{Vars{"PATH": "/bin:" + bin}, "/mine:/bin", "/mine:/bin"},
	} {
		s, in := State{}.Enter(c.before, "/p", bin, true, apply)
		in["PATH"] = c.now
		if got := roundTrip(t, s).Leave(in).value("PATH"); got != (Value{c.want != "-", strings.TrimPrefix(c.want, "-")}) {
			t.Errorf("before %q, then %q: %+v, want %q", c.before, c.now, got, c.want)
		}
	}
}

func TestDiff(t *testing.T) {
	got := Vars{"A": "1", "B": "1", "C": ""}.Diff(Vars{"B": "2", "C": "", "D": ""})
	want := []Change{{"A", Value{true, "1"}, Value{}}, {"B", Value{true, "1"}, Value{true, "2"}}, {"D", Value{}, Value{true, ""}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestVars(t *testing.T) {
	v := VarsOf([]string{"A=1", "B=x=y\n", "A=2", "nonsense", "C="})
	if want := (Vars{"A": "2", "B": "x=y\n", "C": ""}); !maps.Equal(v, want) {
		t.Errorf("%q", v)
	}
	if got := v.Environ(); !reflect.DeepEqual(got, []string{"A=2", "B=x=y\n", "C="}) {
		t.Errorf("%q", got)
	}
}

// fish covers a universal variable with an empty one: that is as good as not set.
func TestUncover(t *testing.T) {
	s := State{Changes: []Change{{"A", Value{true, "x"}, Value{}}, {"B", Value{true, "x"}, Value{true, "y"}}}}
	now := Vars{"A": "", "B": "", "C": ""}
	s.Uncover(now)
	if want := (Vars{"B": "", "C": ""}); !maps.Equal(now, want) {
		t.Errorf("%q", now)
	}
	now["A"] = "mine"
	s.Uncover(now)
	if now["A"] != "mine" {
		t.Error("takes away what somebody set")
	}
}
