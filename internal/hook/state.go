// Package hook computes what a prompt hook changes in a shell, and how that is undone.
//
// A shell that enters a project gets the project's environment, and when it leaves it has exactly what it had before. What was
// there before is kept in the shell itself, in the variable VarState: so every shell has its own, one that is started from
// it (also in another directory, by a terminal multiplexer) inherits it and can undo it, and nothing is left behind when a shell ends.
//
// A State is written as "1." and, in base64 for URLs without padding, these fields joined by NUL bytes:
//
//	the project's directory
//	the directory of its commands on PATH, empty when nothing is applied
//	what was last said about the project, empty for nothing
//	then for each variable that was changed, sorted by name: its name, what it was, what it became
//
// What a variable was or became is "=" and its value, or "-" for one that was not set; what PATH became is "+" when that
// is the commands' directory before what it was. Values are bytes, as the environment has them.
//
// A state comes from the environment and may be anybody's. Decode takes only what Encode writes, and a name only if
// it is a variable's; all that a state can do is set and unset variables, which whoever wrote it could do before.
//
// The package knows neither projects nor stores. It reads nothing and prints nothing; package cmd hands it the variables.
package hook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"gostore/internal/release"
)

// VarState is the variable that holds a shell's State.
const VarState = "GOSTORE_HOOK"

// version begins the text of a State.
const version = "1."

// maxState bounds that text. Linux allows 128 KiB for one variable; where it is more, no program would start any more.
const maxState = 96 << 10

// ErrTooLarge says that what would have to be remembered is too much for a variable.
var ErrTooLarge = errors.New("the variables before and after take more than the 96 KiB that a shell can remember")

// State is what a hook did to a shell. The zero State is nothing.
type State struct {
	Project string   // the directory of the project that the shell is in; "" outside of any
	Bin     string   // the directory of its commands; "" when its environment is not applied
	Told    string   // what was last said about it
	Changes []Change // sorted by name
}

// Change is what became of a variable.
type Change struct {
	Name          string
	Before, After Value
}

// Value is a variable's value, or that it is not set.
type Value struct {
	Set  bool
	Text string
}

// IsZero reports whether there is nothing to remember.
func (s State) IsZero() bool {
	return s.Project == "" && s.Bin == "" && s.Told == "" && len(s.Changes) == 0
}

// Encode returns the text of s, "" for the zero State. The error is ErrTooLarge.
func (s State) Encode() (string, error) {
	if s.IsZero() {
		return "", nil
	}
	fields := []string{s.Project, s.Bin, s.Told}
	for _, c := range s.Changes {
		after := c.After.encode()
		if c.isPathWith(s.Bin) {
			after = "+"
		}
		fields = append(fields, c.Name, c.Before.encode(), after)
	}
	text := version + base64.RawURLEncoding.EncodeToString([]byte(strings.Join(fields, "\x00")))
	if len(text) > maxState {
		return "", ErrTooLarge
	}
	return text, nil
}

// isPathWith reports whether c puts bin before what PATH was, and does nothing else.
func (c Change) isPathWith(bin string) bool {
	return c.Name == "PATH" && c.Before.Set && c.After == Value{true, bin + ":" + c.Before.Text}
}

func (v Value) encode() string {
	if !v.Set {
		return "-"
	}
	return "=" + v.Text
}

// Decode reads the text of a State. Whatever Encode does not write is an error.
func Decode(text string) (State, error) {
	if text == "" {
		return State{}, nil
	}
	s, err := decode(text)
	if err == nil {
		if again, encodeErr := s.Encode(); encodeErr != nil || again != text {
			err = errors.New("it is not as it would be written")
		}
	}
	if err != nil {
		return State{}, fmt.Errorf("reading the state of a hook: %w", err)
	}
	return s, nil
}

func decode(text string) (s State, err error) {
	coded, ok := strings.CutPrefix(text, version)
	if !ok || len(text) > maxState {
		return s, errors.New("it has another form")
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(coded)
	if err != nil {
		return s, err
	}
	fields := strings.Split(string(data), "\x00")
	if len(fields)%3 != 0 {
		return s, fmt.Errorf("it has %d fields", len(fields))
	}
	s = State{Project: fields[0], Bin: fields[1], Told: fields[2]}
	for _, dir := range fields[:2] {
		if dir != "" && !filepath.IsAbs(dir) {
			return s, fmt.Errorf("%q is no absolute path", dir)
		}
	}
	for i := 3; i < len(fields); i += 3 {
		c, err := decodeChange(fields[i], fields[i+1], fields[i+2], s.Bin)
		if err != nil {
			return s, err
		}
		if n := len(s.Changes); n > 0 && s.Changes[n-1].Name >= c.Name {
			return s, fmt.Errorf("%s is out of order", c.Name)
		}
		s.Changes = append(s.Changes, c)
	}
	return s, nil
}

func decodeChange(name, before, after, bin string) (c Change, err error) {
	if !release.IsVariable(name) || name == VarState {
		return c, fmt.Errorf("%q is no variable of a project", name)
	}
	c.Name = name
	if c.Before, err = decodeValue(before); err != nil {
		return c, err
	}
	if after == "+" && name == "PATH" {
		c.After = Value{true, bin + ":" + c.Before.Text}
		return c, nil
	}
	c.After, err = decodeValue(after)
	return c, err
}

func decodeValue(field string) (Value, error) {
	switch {
	case field == "-":
		return Value{}, nil
	case strings.HasPrefix(field, "="):
		return Value{true, field[1:]}, nil
	}
	return Value{}, fmt.Errorf("%q is no value", field)
}
