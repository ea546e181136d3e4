package lock

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gostore/internal/digest"
)

func TestVendorIsReadAndWritten(t *testing.T) {
	data, f := writtenAgain(t, "testdata/vendor.lock")
	if len(f.Vendor) != 2 || f.Vendor["vendor"] != digest.Tree(digest.Sum(nil)) {
		t.Errorf("vendor directories are %v", f.Vendor)
	}
	// It may stand anywhere, and be written in any form.
	head, table, _ := strings.Cut(string(data), "\n[vendor]")
	free := strings.Replace(head, "version = 1\n", "version = 1\n[vendor]"+strings.ReplaceAll(table, `"vendor"`, " vendor ")+"\n", 1)
	if g, err := Parse(Name, []byte(free)); err != nil || string(g.Format()) != string(data) {
		t.Errorf("in another place: %v\n%s", err, g.Format())
	}
}

func TestDiffShowsVendorDirectories(t *testing.T) {
	one, two := digest.Tree(digest.Sum([]byte("1"))), digest.Tree(digest.Sum([]byte("2")))
	changes := Diff(
		&File{Vendor: map[string]digest.Tree{"vendor": one, "a/vendor": one, "b/vendor": one}},
		&File{Vendor: map[string]digest.Tree{"vendor": two, "b/vendor": one, "c/vendor": two}})
	var got []string
	for _, c := range changes {
		got = append(got, c.String())
	}
	want := []string{
		"a/vendor: removed " + one.String(),
		"c/vendor: added " + two.String(),
		"vendor: " + one.String() + " -> " + two.String(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(Diff(nil, nil)) > 0 {
		t.Error("no locks differ")
	}
}
