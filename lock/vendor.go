package lock

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/textfile"
)

// vendorName is the name of every vendor directory; cmd/go knows no other.
const vendorName = "vendor"

// vendor reads the tree digests of vendor directories.
func (r reader) vendor() map[string]digest.Tree {
	table := r.May(&r.Root, "vendor", textfile.Table)
	if table == nil {
		return nil
	}
	if len(table.Entries) == 0 {
		r.Errorf(table.Offset, "no vendor directory is listed; leave the table out")
		return nil
	}
	recorded := make(map[string]digest.Tree, len(table.Entries))
	for _, e := range table.Entries {
		if err := checkVendor(e.Key); err != nil {
			r.Errorf(e.Offset, "%w", err)
		}
		s := r.Is(e.Value, textfile.String, e.Key)
		if s == nil {
			continue
		}
		t, err := digest.ParseTree(s.Text)
		switch {
		case err != nil:
			r.Errorf(s.Offset, "%w", err)
		case t.IsZero():
			r.Errorf(s.Offset, "tree digest is all zeros; leave the key out when it is not known")
		}
		recorded[e.Key] = t
	}
	return recorded
}

// checkVendor lets through the path of a vendor directory inside the project.
func checkVendor(s string) error {
	if err := checkText(s); err != nil {
		return fmt.Errorf("path %w", err)
	}
	if path.Base(s) != vendorName || path.Clean(s) != s || path.IsAbs(s) || strings.HasPrefix(s, "../") {
		return fmt.Errorf("path %q: want the path of a vendor directory in the project, such as vendor or tools/vendor", s)
	}
	return nil
}

// formatVendor writes the recorded vendor directories by path.
func formatVendor(b *bytes.Buffer, recorded map[string]digest.Tree) {
	if len(recorded) == 0 {
		return
	}
	b.WriteString("\n[vendor]\n")
	for _, dir := range slices.Sorted(maps.Keys(recorded)) {
		b.WriteString(quote(dir) + " = " + quote(recorded[dir].String()) + "\n")
	}
}

// diffVendor returns how to come from one record of vendor directories to another.
func diffVendor(was, is map[string]digest.Tree) []Change {
	all := maps.Clone(was)
	if all == nil {
		all = map[string]digest.Tree{}
	}
	maps.Copy(all, is)
	var changes []Change
	for _, dir := range slices.Sorted(maps.Keys(all)) {
		if was[dir] != is[dir] {
			changes = append(changes, Change{Tool: dir, Was: treeText(was[dir]), Is: treeText(is[dir])})
		}
	}
	return changes
}

// treeText is a tree digest for a Change, "" for none.
func treeText(t digest.Tree) string {
	if t.IsZero() {
		return ""
	}
	return t.String()
}
