package versionfile

import (
	"slices"
	"strings"

	"gostore/internal/release"
)

// parseToolVersions reads asdf's .tool-versions: on each line the name of a plugin and versions of it, of which asdf uses the
// first that has the command. So the first is the primary version here, and the others are extras.
//
//	golang 1.22.6 1.21.13   # the second is go1.21.13
//	nodejs lts
//	python 3.12.1
func parseToolVersions(name string, data []byte) ([]Ask, error) {
	var asks []Ask
	for l := range lines(name, data) {
		fields := strings.Fields(l.text)
		if len(fields) == 1 {
			return nil, l.complain("no version follows %q", fields[0])
		}
		r, foreign, remark := called(fields[0])
		if remark != "" {
			asks = append(asks, about(l.number, l.text, remark))
			continue
		}
		same := func(c Ask) bool { return c.Request.Name() == r.Name() }
		if i := slices.IndexFunc(asks, same); i >= 0 {
			return nil, l.complain("%q is listed already, in line %d", fields[0], asks[i].Line)
		}
		more, bad, err := versionsOf(r, fields[1:])
		if err != nil {
			if !foreign {
				return nil, l.complainAt(bad, "%v", err)
			}
			more = []Ask{{Request: r, Words: fields[1], Remark: Unknown}}
		}
		for _, c := range more {
			c.Line, c.Words, c.Foreign = l.number, fields[0]+" "+c.Words, foreign
			asks = append(asks, c)
		}
	}
	return asks, nil
}

// versionsOf returns what versions of a tool ask for: the first that asks for anything is the primary one. bad is the one that an
// error is about.
func versionsOf(r release.Request, texts []string) (asks []Ask, bad string, err error) {
	extra := false
	for _, text := range texts {
		v, remark, err := versionOf(r.Tool, text)
		if err != nil {
			return nil, text, err
		}
		c := Ask{Words: text, Remark: remark}
		c.Request = release.Request{Source: r.Source, Tool: r.Tool, Version: v}
		if remark == "" {
			if slices.ContainsFunc(asks, func(o Ask) bool { return o.Request == c.Request }) {
				continue
			}
			c.Extra, extra = extra, true
		}
		asks = append(asks, c)
	}
	return asks, "", nil
}

// about is what asks for nothing if there is a remark.
func about(number int, words, remark string) Ask {
	return Ask{Line: number, Words: words, Remark: remark}
}

// parseNodeVersion reads .node-version and .nvmrc: one version of Node.js, or one of the words that their readers know. Those that only one of
// them knows, because it made them up, ask for nothing.
func parseNodeVersion(name string, data []byte) ([]Ask, error) {
	l, err := onlyLine(name, data)
	if err != nil || l.text == "" {
		return nil, err
	}
	v, remark, err := versionOf(nodeTool, l.text)
	if err != nil {
		return nil, l.complain("%v", err)
	}
	c := about(l.number, l.text, remark)
	c.Request = release.Request{Tool: nodeTool, Version: v}
	return []Ask{c}, nil
}
