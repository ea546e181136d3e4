package textfile

import (
	"bytes"
	"testing"
)

func TestSetTOML(t *testing.T) {
	for _, tt := range []struct{ name, text, table, key, value, want string }{
		{"empty", "", "", "seal", `"mode"`, "seal = \"mode\"\n"},
		{"empty, in a table", "", "network", "ca", `"x"`, "[network]\nca = \"x\"\n"},
		{"replaced", "a = 1 # why\n", "", "a", "2", "a = 2 # why\n"},
		{"no newline at the end", "a = 1", "", "b", "2", "a = 1\nb = 2\n"},
		{"behind the last", "# top\na = 1 # one\n\n# of t\n[t]\nx = 1\n", "", "b", "2", "# top\na = 1 # one\nb = 2\n\n# of t\n[t]\nx = 1\n"},
		{"before the first table", "# of t\n[t]\nx = 1\n", "", "b", "2", "b = 2\n# of t\n[t]\nx = 1\n"},
		{"in a table", "[t]\nx = 1\n\n[u]\ny = 1\n", "t", "z", "2", "[t]\nx = 1\nz = 2\n\n[u]\ny = 1\n"},
		{"in a table without keys", "[t] # here\n[u]\n", "t", "z", "2", "[t] # here\nz = 2\n[u]\n"},
		{"table with dots", "t.x = 1\n[u]\n", "t", "z", "2", "t.x = 1\nt.z = 2\n[u]\n"},
		{"inline table", "t = { x = 1 }\n", "t", "z", "2", "t = { x = 1, z = 2 }\n"},
		{"empty inline table", "t = {}\n", "t", "z", "2", "t = { z = 2 }\n"},
		{"inline table, replaced", "t = { x = \"a,b\", y = 2 }\n", "t", "x", "3", "t = { x = 3, y = 2 }\n"},
		{"list over lines", "l = [ # first\n  \"a]\", # one\n  'b',\n] # end\nm = 1\n", "", "l", "[]", "l = [] # end\nm = 1\n"},
		{"long string", "s = \"\"\"a\n\"b\"\\\"\"\"\"\" # c\n", "", "s", "1", "s = 1 # c\n"},
		{"quoted key", "[sources]\n\"golang.org/x/y=z\" = \"a\"\n", "sources", "golang.org/x/y=z", `"b"`, "[sources]\n\"golang.org/x/y=z\" = \"b\"\n"},
		{"new quoted key", "[sources]\ngo = \"a\"\n", "sources", "a/b", `"c"`, "[sources]\ngo = \"a\"\n\"a/b\" = \"c\"\n"},
		{"table of tables", "[tool.x]\na = 1\n", "tool", "y", "1", "[tool.x]\na = 1\n\n[tool]\ny = 1\n"},
		{"CRLF", "a = 1\r\nb = 2\r\n", "", "a", "3", "a = 3\r\nb = 2\r\n"},
	} {
		got, err := SetTOML([]byte(tt.text), tt.table, tt.key, tt.value)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
		if _, err := ParseTOML("", got); err != nil {
			t.Errorf("%s: %v in %q", tt.name, err, got)
		}
	}
	for _, text := range []string{"t = 1\n", "[[t]]\nx = 1\n"} {
		if got, err := SetTOML([]byte(text), "t", "x", "1"); err == nil {
			t.Errorf("%q became %q", text, got)
		}
	}
	if got, err := SetTOML([]byte("[[t]]\nx = 1\n"), "", "t", "1"); err == nil {
		t.Errorf("a list of tables became %q", got)
	}
}

func TestUnsetTOML(t *testing.T) {
	for _, tt := range []struct{ text, table, key, want string }{
		{"a = 1 # why\nb = 2\n", "", "a", "b = 2\n"},
		{"a = 1", "", "a", ""},
		{"[t]\nl = [\n  1,\n]\ny = 2\n", "t", "l", "[t]\ny = 2\n"},
		{"t = { x = 1, y = 2 }\n", "t", "x", "t = { y = 2 }\n"},
		{"t = { x = 1, y = 2 }\n", "t", "y", "t = { x = 1 }\n"},
		{"t.x = 1\nt.y = 2\n", "t", "x", "t.y = 2\n"},
	} {
		got, found, err := UnsetTOML([]byte(tt.text), tt.table, tt.key)
		if err != nil || !found || string(got) != tt.want {
			t.Errorf("%q: %q, %v, %v; want %q", tt.text, got, found, err, tt.want)
		}
	}
	for _, table := range []string{"", "t", "u"} {
		if got, found, err := UnsetTOML([]byte("u = 1\n"), table, "x"); found || err != nil || string(got) != "u = 1\n" {
			t.Errorf("what is not there: %q, %v, %v", got, found, err)
		}
	}
}

// Whatever a document says, it says all of that after a change as well, and what was set.
func FuzzSetTOML(f *testing.F) {
	for _, text := range []string{"", "a = 1\n[t]\nk = [1, 'x#']\n", "t = { k = \"}\" }", "t.k = '''x''''\n", "[t.u]\n[t]\n'k' = \"\"\"\n\"\"\"#"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		was, err := ParseTOML("", data)
		if err != nil || was.Err() != nil {
			t.Skip()
		}
		for _, table := range []string{"", "t"} {
			got, err := SetTOML(data, table, "k", `"new"`)
			if err != nil {
				continue
			}
			is, err := ParseTOML("", got)
			if err != nil || is.Err() != nil {
				t.Fatalf("%q became %q: %v %v", data, got, err, is.Err())
			}
			set := is.Root.Get("k")
			if table != "" {
				set = is.Root.Get(table).Value.Get("k")
			}
			if set == nil || set.Value.Text != "new" {
				t.Errorf("%q became %q, in which k is not set", data, got)
			}
			for _, e := range was.Root.Entries {
				if e.Key != "k" && is.Root.Get(e.Key) == nil {
					t.Errorf("%q became %q, without %q", data, got, e.Key)
				}
			}
			again, err := SetTOML(got, table, "k", `"new"`)
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("%q set again is %q, %v", got, again, err)
			}
		}
	})
}
