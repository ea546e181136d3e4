package definition

import (
	"errors"
	"slices"

	"gostore/internal/textfile"
)

// text returns a string that may be absent.
func (r reader) text(key string, check func(string) error) string {
	s := r.May(r.from, key, textfile.String)
	if s == nil {
		return ""
	}
	return r.checked(s, key, check)
}

// checked returns the text of s, and complains when it is empty or check refuses it.
func (r reader) checked(s *textfile.Value, key string, check func(string) error) string {
	err := check(s.Text)
	if s.Text == "" {
		err = errEmpty
	}
	if err != nil {
		r.Errorf(s.Offset, "%q: %w", key, err)
		return ""
	}
	return s.Text
}

// truth returns a boolean that may be absent, and refuses to have it written out where it changes nothing.
func (r reader) truth(key string) bool {
	b := r.May(r.from, key, textfile.Boolean)
	if b != nil && b.Text != "true" {
		r.Errorf(b.Offset, "%q is false anyway; leave the key out", key)
	}
	return b != nil && b.Text == "true"
}

// list returns the strings of an array that may be absent.
func (r reader) list(key string, check func(string) error) []string {
	array := r.May(r.from, key, textfile.Array)
	if array == nil {
		return nil
	}
	var list []string
	for i := range array.Items {
		s := r.Is(&array.Items[i], textfile.String, key)
		if s == nil {
			continue
		}
		text := r.checked(s, key, check)
		r.template(s, versionVars)
		if text != "" && key != "check" && slices.Contains(list, text) {
			r.Errorf(s.Offset, "%q: %q is listed twice", key, text)
		}
		list = append(list, text)
	}
	if len(array.Items) == 0 {
		r.Errorf(array.Offset, "%q: nothing is listed; leave the key out", key)
	}
	return list
}

// table returns the strings of a table that may be absent, which are templates.
func (r reader) table(key string, checkKey, check func(string) error, vars []string) map[string]string {
	table := r.May(r.from, key, textfile.Table)
	if table == nil {
		return nil
	}
	if len(table.Entries) == 0 {
		r.Errorf(table.Offset, "%q: the table is empty; leave the key out", key)
	}
	m := make(map[string]string, len(table.Entries))
	for _, e := range table.Entries {
		if err := checkKey(e.Key); err != nil {
			r.Errorf(e.Offset, "%w", err)
		}
		if r.put(m, e, check) {
			r.template(e.Value, vars)
		}
	}
	return m
}

// put adds the string of an entry to m, and reports whether it is one.
func (r reader) put(m map[string]string, e textfile.Entry, check func(string) error) bool {
	s := r.Is(e.Value, textfile.String, e.Key)
	if s == nil {
		return false
	}
	if err := check(s.Text); err != nil {
		r.Errorf(s.Offset, "%q: %w", e.Key, err)
	}
	m[e.Key] = s.Text
	return true
}

// template complains about a template at the place inside it that is wrong, and reports whether there was none.
func (r reader) template(s *textfile.Value, known []string) bool {
	err := checkTemplate(s.Text, known)
	if err == nil {
		return true
	}
	var at *templateError
	if errors.As(err, &at) {
		r.Errorf(r.Inside(s, at.at), "%w", err)
	} else {
		r.Errorf(s.Offset, "%w", err)
	}
	return false
}
