package project

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
func parseToolVersions(name string, data []byte) ([]claim, error) {
	var claims []claim
	for l := range lines(name, data) {
		fields := strings.Fields(l.text)
		if len(fields) == 1 {
			return nil, l.complain("no version follows %q", fields[0])
		}
		r, foreign, remark := called(fields[0])
		if remark != "" {
			claims = append(claims, about(l.number, name, l.text, remark))
			continue
		}
		same := func(c claim) bool { return c.Request.Name() == r.Name() }
		if i := slices.IndexFunc(claims, same); i >= 0 {
			return nil, l.complain("%q is listed already, in line %d", fields[0], claims[i].Line)
		}
		more, bad, err := versionsOf(r, fields[1:])
		if err != nil {
			if !foreign {
				return nil, l.complainAt(bad, "%v", err)
			}
			more = []claim{{Want: Want{Request: r}, words: fields[1], remark: whyUnknown}}
		}
		for _, c := range more {
			c.Line, c.source, c.words, c.foreign = l.number, name, fields[0]+" "+c.words, foreign
			claims = append(claims, c)
		}
	}
	return claims, nil
}

// versionsOf returns what versions of a tool ask for: the first that asks for anything is the primary one. bad is the one that an
// error is about.
func versionsOf(r release.Request, texts []string) (claims []claim, bad string, err error) {
	extra := false
	for _, text := range texts {
		v, remark, err := versionOf(r.Tool, text)
		if err != nil {
			return nil, text, err
		}
		c := claim{words: text, remark: remark}
		c.Request = release.Request{Source: r.Source, Tool: r.Tool, Version: v}
		if remark == "" {
			if slices.ContainsFunc(claims, func(o claim) bool { return o.Request == c.Request }) {
				continue
			}
			c.Extra, extra = extra, true
		}
		claims = append(claims, c)
	}
	return claims, "", nil
}

// about is a claim that asks for nothing.
func about(number int, source, words, remark string) claim {
	c := claim{source: source, words: words, remark: remark}
	c.Line = number
	return c
}

// parseNodeVersion reads .node-version and .nvmrc: one version of Node.js, or one of the words that their readers know. Those that only one of
// them knows, because it made them up, ask for nothing.
func parseNodeVersion(name string, data []byte) ([]claim, error) {
	l, err := onlyLine(name, data)
	if err != nil || l.text == "" {
		return nil, err
	}
	v, remark, err := versionOf(nodeTool, l.text)
	if err != nil {
		return nil, l.complain("%v", err)
	}
	c := about(l.number, name, l.text, remark)
	c.Request = release.Request{Tool: nodeTool, Version: v}
	return []claim{c}, nil
}
