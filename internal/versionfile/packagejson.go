package versionfile

import (
	"bytes"
	"encoding/json"
	"errors"

	"gostore/internal/release"
	"gostore/internal/textfile"
)

// parsePackage reads what a package.json says about Node.js: the version under volta.node, and the ranges under devEngines.runtime and engines.node,
// which are minimums (see nodeRange). What it says about package managers is for those that read it: npm comes with Node.js, and a
// version of another is asked for in gostore.toml.
func parsePackage(name string, data []byte) ([]Ask, error) {
	r := packageReader{name: name, data: data}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var top json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil {
		at := 0
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			at = max(int(syntax.Offset)-1, 0)
		}
		return nil, r.complain(len(r.data)-len(data)+at, "%v", err)
	}
	r.object(field{raw: top, offset: len(r.data) - len(data)}, func(f field) {
		switch f.key {
		case "volta":
			r.object(f, r.volta)
		case "devEngines":
			r.object(f, func(f field) {
				if f.key == "runtime" {
					r.runtime(f)
				}
			})
		case "engines":
			r.object(f, func(f field) {
				if f.key == nodeTool {
					r.minimum(f, "engines.node")
				}
			})
		}
	})
	if r.err != nil {
		return nil, r.err
	}
	return append(append(r.exact, r.runtimes...), r.engines...), nil
}

// packageReader collects what a package.json says.
type packageReader struct {
	name                     string
	data                     []byte
	exact, runtimes, engines []Ask
	err                      error
}

// field is a member of a JSON object, and where its value stands.
type field struct {
	key    string
	raw    json.RawMessage
	offset int
}

// object calls each with the members of an object. Another kind of value has none.
func (r *packageReader) object(f field, each func(field)) {
	dec := json.NewDecoder(bytes.NewReader(f.raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return
	}
	for dec.More() {
		key, _ := dec.Token() // it was read once: no error can occur
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return
		}
		name, _ := key.(string)
		each(field{name, raw, f.offset + int(dec.InputOffset()) - len(raw)})
	}
}

// complain makes the complaint about a place.
func (r *packageReader) complain(offset int, format string, args ...any) error {
	before := r.data[:min(offset, len(r.data))]
	l := line{file: r.name, number: bytes.Count(before, []byte("\n")) + 1}
	err := l.complain(format, args...).(*textfile.Error)
	err.Column = len(before) - bytes.LastIndexByte(before, '\n')
	return err
}

func (r *packageReader) line(f field) int { return bytes.Count(r.data[:f.offset], []byte("\n")) + 1 }

// volta reads a member of volta.
func (r *packageReader) volta(f field) {
	switch text, isText := f.text(); {
	case f.key != nodeTool:
		r.exact = append(r.exact, Ask{Line: r.line(f), Part: "volta", Words: "volta." + f.key, Remark: "is not read: of Volta's tools only node is"})
	case !isText:
		r.err = errors.Join(r.err, r.complain(f.offset, "volta.node must be a string"))
	default:
		v, remark, err := versionOf(nodeTool, text)
		if err != nil {
			r.err = errors.Join(r.err, r.complain(f.offset, "volta.node: %v", err))
			return
		}
		c := Ask{Line: r.line(f), Part: "volta", Words: "volta.node " + text, Remark: remark}
		c.Request = release.Request{Tool: nodeTool, Version: v}
		r.exact = append(r.exact, c)
	}
}

// runtime reads devEngines.runtime: an object with a name and perhaps a version, or a list of them.
func (r *packageReader) runtime(f field) {
	var list []json.RawMessage
	if json.Unmarshal(f.raw, &list) != nil {
		list = []json.RawMessage{f.raw}
	}
	for _, raw := range list {
		var runtime struct{ Name, Version string }
		if json.Unmarshal(raw, &runtime) == nil && runtime.Name == nodeTool && runtime.Version != "" {
			r.bounds(&r.runtimes, r.line(f), "devEngines.runtime", runtime.Version)
		}
	}
}

func (r *packageReader) minimum(f field, words string) {
	if text, ok := f.text(); ok {
		r.bounds(&r.engines, r.line(f), words, text)
	}
}

// bounds adds what a range asks for.
func (r *packageReader) bounds(to *[]Ask, number int, key, text string) {
	request, least, ok := nodeRange(text)
	c := Ask{Line: number, Part: key, Words: key + " " + text}
	switch {
	case !ok:
		c.Remark = "asks for nothing: it is no range of versions with a least one"
	case request == "":
		return
	default:
		c.AtLeast = least
		c.Request = release.Request{Tool: nodeTool, Version: request}
	}
	*to = append(*to, c)
}

func (f field) text() (string, bool) {
	var s string
	if len(f.raw) == 0 || f.raw[0] != '"' {
		return "", false
	}
	err := json.Unmarshal(f.raw, &s)
	return s, err == nil
}
