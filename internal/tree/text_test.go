package tree

import (
	"strings"
	"testing"
)

// none is the content and size of an empty file.
const none = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262 0"

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ lines, want string }{
		{"d a\r\n", `line 2: path "a\r": contains the control character U+000D`},
		{"d a", `line 2: does not end in a newline`},
		{"\n", `line 2: unknown kind ""`},
		{"d a\n\n", `line 3: unknown kind ""`},
		{"D a\n", `line 2: unknown kind "D"`},
		{"dd a\n", `line 2: unknown kind "dd"`},
		{" d a\n", `line 2: unknown kind ""`},
		{"d\n", `line 2: path "": is not a clean relative path`},
		{"d  a\n", `line 2: unexpected " a" at the end`}, // of an empty word
		{"d a \n", `line 2: unexpected " " at the end`},
		{"d a b\n", `line 2: unexpected " b" at the end`},
		{"d .\n", `line 2: path ".": is not a clean relative path`},
		{"d a/\n", `line 2: path "a/": is not a clean relative path`},
		{"d ./a\n", `line 2: path "./a": is not a clean relative path`},
		{"d /a\n", `line 2: path "/a": is not a clean relative path`},
		{"d \"a\"\n", `line 2: "a" needs no quotes`},
		{"d \"\"\n", `line 2: "" needs no quotes`},
		{"d a\\b\n", `line 2: "a\\b" needs quotes`},
		{"d a\"b\n", `line 2: "a\"b" needs quotes`},
		{"d \"a b\n", `line 2: a quoted word does not end`},
		{"d \"a b\\\n", `line 2: unknown escape after a backslash`},
		{"d \"a\\ b\"\n", `line 2: unknown escape after a backslash`},
		{"d \"a\\tb\"\n", `line 2: unknown escape after a backslash`},
		{"d \"a b\"c\n", `line 2: unexpected "c" at the end`},
		{"d \"a\\\\b\"\n", `line 2: path "a\\b": contains '\\'`},
		{"d a\nd a\n", `line 3: path "a": occurs twice`},
		{"d b\nd a\n", `line 3: path "a": is not in the order of bytes`},
		{"d A\nd a\n", `line 3: path "a": "a" and "A" are one name`},
		{"d a/b\n", `line 2: path "a/b": its directory is not in the tree`},
		{"f " + none + " a\nd a/b\n", `line 3: path "a/b": "a" exists as file, not as directory`},
		{"l a b\nd a/b\n", `line 3: path "a/b": "a" exists as link, not as directory`},
		{"f " + none + "\n", `line 2: path "": is not a clean`},
		{"f " + none + "0 a\n", `line 2: size "00" is not a canonical number`},
		{"f " + none[:65] + "+0 a\n", `line 2: size "+0" is not a canonical number`},
		{"f " + none[:65] + "-1 a\n", `line 2: size "-1" is not a canonical number`},
		{"f " + none[:65] + "1_0 a\n", `line 2: size "1_0" is not a canonical number`},
		{"f " + none[:65] + "9223372036854775808 a\n", `line 2: size "9223372036854775808" is not a canonical`},
		{"f " + none[:65] + " a\n", `line 2: size "" is not a canonical number`},
		{"f " + strings.ToUpper(none) + " a\n", `line 2: content digest`},
		{"f " + none[1:] + " a\n", `line 2: content digest`},
		{"f " + none[:65] + "9223372036854775807 a\nx " + none[:65] + "1 b\n", `line 3: the files of the tree are too large together`},
		{"l a\n", `line 2: has no link target`},
		{"l a \n", `line 2: path "a": is a link without target`},
		{"l a /b\n", `line 2: path "a": has the absolute link target "/b"`},
		{"l a b\x00c\n", `line 2: path "a": has the link target "b\x00c" with a control character`},
		{"l a b\xff\n", `line 2: path "a": has the link target "b\xff", which is not valid UTF-8`},
		{"l a " + strings.Repeat("b", 4096) + "\n", `line 2: path "a": has a link target of more than 4095 bytes`},
		{"l a b c\n", `line 2: unexpected " c" at the end`},
		{"l a \"b c\n", `line 2: a quoted word does not end`},
	} {
		m, err := Parse([]byte(header + test.lines))
		if err == nil {
			t.Errorf("Parse(%q): no error; want %q", test.lines, test.want)
		} else if !strings.HasPrefix(err.Error(), "manifest "+test.want) {
			t.Errorf("Parse(%q): %v; want %q", test.lines, err, test.want)
		}
		if len(m.Entries()) > 0 || !m.Digest().IsZero() {
			t.Errorf("Parse(%q): has an error and a manifest", test.lines)
		}
	}
}

func TestParseHeader(t *testing.T) {
	for _, text := range []string{"", "\n", "gostore tree 1", "gostore tree 2\n", "gostore tree 1 \n", " gostore tree 1\n", "d a\n"} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), `manifest line 1: is not "gostore tree 1"`) {
			t.Errorf("Parse(%q): %v; want an error about the first line", text, err)
		}
	}
}
