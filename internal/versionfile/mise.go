package versionfile

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
func parseMise(name string, data []byte) ([]Ask, error) {
	d, err := textfile.ParseTOML(name, data)
	if err != nil {
		return nil, err
	}
	var asks []Ask
	if tools := d.May(&d.Root, "tools", textfile.Table); tools != nil {
		for _, e := range tools.Entries {
			asks = append(asks, miseTool(d, name, e, asks)...)
		}
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	return asks, nil
}

// miseTool reads what one key of the tools says. before is what those before it say.
func miseTool(d *textfile.Document, name string, e textfile.Entry, before []Ask) []Ask {
	number, _ := d.Position(e.Offset)
	r, foreign, remark := called(e.Key)
	if remark != "" {
		return []Ask{about(number, e.Key, remark)}
	}
	if slices.ContainsFunc(before, func(c Ask) bool { return c.Request.Name() == r.Name() }) {
		d.Errorf(e.Offset, "tool %q is listed already, under another name", r.Name())
	}
	var asks []Ask
	for _, v := range miseVersions(d, e) {
		more, _, err := versionsOf(r, []string{v.text})
		if err != nil {
			if !foreign {
				d.Errorf(v.offset, "tool %q: %w", e.Key, err)
			}
			more = []Ask{{Request: r, Words: v.text, Remark: Unknown}}
		}
		c := more[0]
		c.Line, c.Words, c.Foreign = number, e.Key+" "+v.text, foreign
		c.Extra = c.Remark == "" && slices.ContainsFunc(asks, func(o Ask) bool { return o.Remark == "" })
		if !slices.ContainsFunc(asks, func(o Ask) bool { return o.Remark == "" && o.Request == c.Request }) {
			asks = append(asks, c)
		}
	}
	return asks
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
