package listing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// JSON reads versions from the places in a JSON document that path names: names of members, separated by dots; "*" stands
// for every element of an array or member of an object, and "@key", at the end, for the names of an object's members.
//
//	"*.version"       [{"version": "1.2.3"}, …]
//	"versions.@key"   {"versions": {"1.2.3": …}}
//
// A place that is not there, or holds no string, is an error that names it.
func JSON(data []byte, path string) ([]string, error) {
	var document any
	if err := Decode(data, &document); err != nil {
		return nil, err
	}
	var versions []string
	err := walk(document, "", strings.Split(path, "."), func(v string) error {
		if len(versions) == MaxVersions {
			return errTooMany
		}
		versions = append(versions, v)
		return nil
	})
	return versions, err
}

// Decode reads one JSON document, as json.Unmarshal does, from data that should be one and may be anything. Its error names the byte where
// it is wrong.
func Decode(data []byte, into any) error {
	if err := checkText(data); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(into); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("is JSON that was cut off")
		}
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return fmt.Errorf("is not JSON: byte %d: %w", syntax.Offset, err)
		}
		return fmt.Errorf("is not the JSON that it should be: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("is not JSON: goes on at byte %d, after its end", d.InputOffset())
	}
	return nil
}

// walk calls found with each string at path below v. place is where v is, for messages.
func walk(v any, place string, path []string, found func(string) error) error {
	if len(path) == 0 {
		s, ok := v.(string)
		if !ok {
			return fmt.Errorf("%s is %s, not a string", named(place), kind(v))
		}
		return found(s)
	}
	step, rest := path[0], path[1:]
	switch step {
	case "*":
		return walkAll(v, place, rest, found)
	case "@key":
		object, ok := v.(map[string]any)
		if !ok || len(rest) > 0 {
			return fmt.Errorf("%s is %s, not an object with versions for names", named(place), kind(v))
		}
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if err := found(name); err != nil {
				return err
			}
		}
		return nil
	}
	object, _ := v.(map[string]any)
	next, ok := object[step]
	if !ok {
		return fmt.Errorf("%s has no member %q", named(place), step)
	}
	return walk(next, place+"."+step, rest, found)
}

func walkAll(v any, place string, path []string, found func(string) error) error {
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			if err := walk(e, place+"["+strconv.Itoa(i)+"]", path, found); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if err := walk(v[name], place+"."+name, path, found); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%s is %s, neither an array nor an object", named(place), kind(v))
}

// named names a place in a document.
func named(place string) string {
	if place == "" {
		return "the document"
	}
	return fmt.Sprintf("%.200q", strings.TrimPrefix(place, "."))
}

// kind names what a JSON value is.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case float64:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "an array"
	}
	return "an object"
}
