package tree

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckPath(t *testing.T) {
	deep := strings.Repeat("d/", maxDepth-1)
	for _, path := range []string{
		"a", "bin/go", ".hidden", "..data", "a..b", " a", "a b", "-", "~", "a!b", "!q!u!o!t!e",
		"nul1", "null.go", "com", "com0", "com10", "com12", "COM", "console", "lpt.go", "aux_test.go", "auxv", "conin",
		"test/fixedbugs/issue27836.dir/Þfoo.go", "日本語", "cafe\u0301", "\u00a0", "\ufffd",
		"a'b", "$a", "#a", "%20", "&", "(a)", "[a]", "{a}", ";", ",", "=", "@v1", "^", "`", "+",
		strings.Repeat("n", maxName), deep + "d", strings.Repeat("abcdefg/", maxDepth-1) + "d",
	} {
		if err := CheckPath(path); err != nil {
			t.Errorf("CheckPath(%q) = %v, want nil", path, err)
		}
	}
	for _, test := range []struct{ path, want string }{
		{"", "clean"}, {".", "clean"}, {"..", "clean"}, {"../a", "clean"}, {"a/../b", "clean"}, {"/a", "clean"}, {"a/", "clean"}, {"a//b", "clean"}, {"./a", "clean"},
		{"a\xff", "UTF-8"}, {"\xc0\xaf", "UTF-8"}, {"\xed\xa0\x80", "UTF-8"},
		{"a\x00", "U+0000"}, {"a\nb", "U+000A"}, {"a\tb", "U+0009"}, {"\x7f", "U+007F"}, {"a\u0085", "U+0085"}, {"\x1b[2J", "U+001B"},
		{`a\b`, `'\\'`}, {"a:b", "':'"}, {"C:", "':'"}, {"a<", "'<'"}, {">", "'>'"}, {`"`, `'"'`}, {"a|b", "'|'"}, {"a?", "'?'"}, {"*", "'*'"},
		{"a.", "ends in '.'"}, {"a./b", "ends in '.'"}, {"...", "ends in '.'"}, {"a ", "ends in ' '"}, {" ", "ends in ' '"},
		{"nul", "device"}, {"NUL.txt", "device"}, {"a/Con/b", "device"}, {"aux.h", "device"}, {"prn", "device"}, {"com1", "device"}, {"LPT9.a.b", "device"}, {"com¹", "device"},
		{"nul .txt", "device"}, {"conin$", "device"}, {"CONOUT$", "device"},
		{strings.Repeat("n", maxName+1), "255 bytes"}, {strings.Repeat("é", 128), "255 bytes"}, {deep + "d/d", "100 names deep"},
		{strings.Repeat("n", maxName) + strings.Repeat("/"+strings.Repeat("n", maxName), 16), "4096 bytes"},
	} {
		err := CheckPath(test.path)
		var pathError *PathError
		if !errors.As(err, &pathError) || pathError.Path != test.path || !strings.Contains(pathError.Reason, test.want) {
			t.Errorf("CheckPath(%q) = %v, want an error with %q", test.path, err, test.want)
		}
	}
}
