package buildcache

import (
	"slices"
	"strings"
	"testing"
)

var (
	idA = strings.Repeat("a1", 32)
	idB = strings.Repeat("b2", 32)
	idC = strings.Repeat("c3", 32)
)

func TestParseEntry(t *testing.T) {
	good := "v1 " + idA + " " + idB + "                   12  1700000000000000000\n"
	e, err := ParseEntry([]byte(good))
	if err != nil || e.ID != idA || e.Output != idB || e.Size != 12 || e.Made.Unix() != 1700000000 {
		t.Errorf("%+v, %v", e, err)
	}
	for _, bad := range []string{"", "v2" + good[2:], strings.Replace(good, "12", "-1", 1), strings.Replace(good, "a1", "A1", 1), good + "more", good[:40]} {
		if e, err := ParseEntry([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, e)
		}
	}
}

func TestParseLog(t *testing.T) {
	log := parseLog([]byte("HASH[build x]\nHASH[build x]: \"go1.26.8\"\n# x\nHASH[build x]: " + idA + "\nHASH subkey " + idA + " \"src\" = " + idB +
		"\nHASH subkey " + idB + " \"a ]: b\" = " + idC + "\nHASH /usr/bin/cc: " + idC + "\nx.go:1: wrong\n"))
	if log.names[idA] != "build x" || log.action(idC) != "build x" || log.rest != "# x\nx.go:1: wrong\n" {
		t.Errorf("%+v", log)
	}
	if got := log.action(strings.Repeat("0", 64)); got != "action "+strings.Repeat("0", 64) {
		t.Errorf("an action that was not logged: %q", got)
	}
}

func TestDependencies(t *testing.T) {
	got := dependencies([]byte("_x001.o: cgo.c /usr/include/a.h \\\n /usr/include/b.h /usr/include/a.h\n\n/abs/target.o: /c.h\n"))
	if want := []string{"/usr/include/a.h", "/usr/include/b.h", "/c.h"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestProducers(t *testing.T) {
	got := producersOf([]byte("\x00GNU C17 12.2.0 -O2\x00x\x00GNU C17 12.2.0 -O2\x00clang version 14\x00GNU C"))
	if want := []string{"GNU C17 12.2.0 -O2", "clang version 14"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("HASH[build x]: " + idA + "\nHASH subkey " + idA + " \"src\" = " + idB + "\nHASH subkey " + idB + " \"x\" = " + idA + "\n"))
	f.Add([]byte("v1 " + idA + " " + idB + " 12 1700000000000000000\n"))
	f.Add([]byte("a.o: /x \\\n /y"))
	f.Fuzz(func(t *testing.T, data []byte) {
		log := parseLog(data)
		for id := range log.names {
			if !isID(id) || log.action(id) == "" {
				t.Errorf("%q is the action %q", id, log.action(id))
			}
		}
		if e, err := ParseEntry(data); err == nil && (!isID(e.ID) || !isID(e.Output) || e.Size < 0) {
			t.Errorf("%q: %+v", data, e)
		}
		dependencies(data)
		producersOf(data)
	})
}
