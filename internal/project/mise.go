package project

import (
	"slices"

	"gostore/internal/textfile"
)

// parseMise reads the tools of a mise.toml; all else in it is mise's own. A version is a string, a table with one, or a list of those, of which
// the first is the primary one:
//
//	[tools]
//	go = "1.22"
//	node = ["lts", "20"]
//	"npm:prettier" = { version = "3" }
func parseMise(name string, data []byte) ([]claim, error) {
	d, err := textfile.ParseTOML(name, data)
	if err != nil {
		return nil, err
	}
	var claims []claim
	if tools := d.May(&d.Root, "tools", textfile.Table); tools != nil {
		for _, e := range tools.Entries {
			claims = append(claims, miseTool(d, name, e, claims)...)
		}
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	return claims, nil
}

// miseTool reads what one key of the tools says. before is what those before it say.
func miseTool(d *textfile.Document, name string, e textfile.Entry, before []claim) []claim {
	number, _ := d.Position(e.Offset)
	r, foreign, remark := called(e.Key)
	if remark != "" {
		return []claim{about(number, name, e.Key, remark)}
	}
	if slices.ContainsFunc(before, func(c claim) bool { return c.Request.Name() == r.Name() }) {
		d.Errorf(e.Offset, "tool %q is listed already, under another name", r.Name())
	}
	var claims []claim
	for _, v := range miseVersions(d, e) {
		more, _, err := versionsOf(r, []string{v.text})
		if err != nil {
			if !foreign {
				d.Errorf(v.offset, "tool %q: %w", e.Key, err)
			}
			more = []claim{{Want: Want{Request: r}, words: v.text, remark: whyUnknown}}
		}
		c := more[0]
		c.Line, c.source, c.words, c.foreign = number, name, e.Key+" "+v.text, foreign
		c.Extra = c.remark == "" && slices.ContainsFunc(claims, func(o claim) bool { return o.remark == "" })
		if !slices.ContainsFunc(claims, func(o claim) bool { return o.remark == "" && o.Request == c.Request }) {
			claims = append(claims, c)
		}
	}
	return claims
}

// miseVersion is one version of a tool, as mise.toml has it.
type miseVersion struct {
	text   string
	offset int
}

// miseVersions returns the versions that a key has.
func miseVersions(d *textfile.Document, e textfile.Entry) []miseVersion {
	values := []textfile.Value{*e.Value}
	if e.Value.Kind == textfile.Array {
		values = e.Value.Items
	}
	var list []miseVersion
	for _, v := range values {
		switch v.Kind {
		case textfile.String:
			list = append(list, miseVersion{text: v.Text, offset: v.Offset})
		case textfile.Table:
			list = append(list, miseTable(d, e.Key, &v)...)
		default:
			d.Errorf(v.Offset, "tool %q: a version is written in quotes, or in a table with the key \"version\"", e.Key)
		}
	}
	return list
}

// miseTable returns the version that a table has: under "version", or under a key that in a string would stand before a colon.
func miseTable(d *textfile.Document, tool string, t *textfile.Value) []miseVersion {
	for _, key := range []string{"version", "prefix", "ref", "path"} {
		found := t.Get(key)
		if found == nil {
			continue
		}
		if d.Is(found.Value, textfile.String, key) == nil {
			return nil
		}
		text := found.Value.Text
		if key != "version" {
			text = key + ":" + text
		}
		return []miseVersion{{text, found.Value.Offset}}
	}
	d.Errorf(t.Offset, "tool %q: the table has no \"version\"", tool)
	return nil
}
