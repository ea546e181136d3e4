package hook

import (
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func written(fields ...string) string {
	return version + base64.RawURLEncoding.EncodeToString([]byte(strings.Join(fields, "\x00")))
}

func TestEncode(t *testing.T) {
	s := State{"/p", "/b", "", []Change{
		{"A", Value{}, Value{true, ""}},
		{"PATH", Value{true, "/bin"}, Value{true, "/b:/bin"}},
		{"Z", Value{true, "\xff\n="}, Value{}},
	}}
	text, err := s.Encode()
	if want := written("/p", "/b", "", "A", "-", "=", "PATH", "=/bin", "+", "Z", "=\xff\n=", "-"); text != want || err != nil {
		t.Errorf("%q, %v, want %q", text, err, want)
	}
	roundTrip(t, s)
	roundTrip(t, State{})
	roundTrip(t, State{Project: "/p", Told: "it is not trusted"})
}

func TestEncodeTooLarge(t *testing.T) {
	s := State{Project: "/p", Bin: "/b", Changes: []Change{{"A", Value{true, strings.Repeat("x", maxState)}, Value{}}}}
	if _, err := s.Encode(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

// What was not written by Encode is refused: names above all, as they become code.
func TestDecodeHostile(t *testing.T) {
	for name, text := range map[string]string{
		"another form":    "2.AAAA",
		"words":           "$(touch pwned)",
		"no base64":       "1.$(touch pwned)",
		"padded":          written("/p", "", "") + "=",
		"stray bits":      written("/p", "", "")[:len(written("/p", "", ""))-1] + "B",
		"empty":           "1.",
		"nothing":         written("", "", ""),
		"too few":         written("/p", "/b"),
		"half a change":   written("/p", "/b", "", "A"),
		"command in name": written("/p", "/b", "", "A;touch pwned", "-", "=x"),
		"no name":         written("/p", "/b", "", "", "-", "=x"),
		"newline in name": written("/p", "/b", "", "A\n", "-", "=x"),
		"the state":       written("/p", "/b", "", VarState, "-", "=x"),
		"no value":        written("/p", "/b", "", "A", "x", "=x"),
		"plus":            written("/p", "/b", "", "A", "-", "+"),
		"plus before":     written("/p", "/b", "", "PATH", "+", "="),
		"plus of unset":   written("/p", "/b", "", "PATH", "-", "+"),
		"out of order":    written("/p", "/b", "", "B", "-", "=", "A", "-", "="),
		"twice":           written("/p", "/b", "", "A", "-", "=", "A", "-", "="),
		"relative":        written("p", "/b", ""),
		"relative bin":    written("/p", "b", ""),
		"too long":        written("/p", "/b", "", "A", "-", "="+strings.Repeat("x", maxState)),
	} {
		if s, err := Decode(text); err == nil || !reflect.DeepEqual(s, State{}) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		"", "1.", "1.AAAA", written("/p", "", "told"), written("/p", "/b", "", "PATH", "=/bin", "+"),
		written("/p", "/b", "", "A", "-", "=\xff", "PATH", "-", "=/b:/usr/bin"), written("/p", "/b", "", "A;b", "-", "="),
	} {
		f.Add(text, "/b:/mine")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		s, err := Decode(text)
		if err != nil {
			return
		}
		if again, err := s.Encode(); err != nil || again != text {
			t.Fatalf("%q is written again as %q, %v", text, again, err)
		}
		for _, c := range s.Changes {
			if strings.Trim(c.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
				t.Fatalf("name %q", c.Name)
			}
		}
		s.Leave(Vars{"PATH": path})
		s.Enter(Vars{"PATH": path}, "/p", "/c", false, func(v Vars) Vars { return v })
	})
}
