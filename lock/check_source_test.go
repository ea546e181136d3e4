package lock

import (
	"testing"

	"gostore/internal/release"
)

func TestCheckHoldsASourceThatIsWrittenOut(t *testing.T) {
	f := new(File)
	f.Set(Tool{Name: "node", Request: "22", Version: "22.1.0", Source: "release"})
	want := func(source string) []Want {
		return []Want{{Request: release.Request{Source: source, Tool: "node", Version: "22"}, File: "gostore.toml", Line: 2}}
	}
	if d := Check(f, want("")); len(d) > 0 {
		t.Errorf("without a source: %v", d)
	}
	if d := Check(f, want("release")); len(d) > 0 {
		t.Errorf("the same source: %v", d)
	}
	d := Check(f, want("npm"))
	if len(d) != 1 || d[0].String() != "node: gostore.toml:2 asks for npm:node@22, but 22.1.0 is locked" {
		t.Errorf("another source: %v", d)
	}
}
