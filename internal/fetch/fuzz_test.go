package fetch

import (
	"strings"
	"testing"
)

func FuzzState(f *testing.F) {
	f.Add([]byte("x"))
	f.Add(formatState("https://a", state{`"tag"`, 12}))
	f.Add(formatState("https://a", state{"", -1}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, ok := parseState("https://a", data)
		if ok && (string(formatState("https://a", s)) != string(data) || s.total < -1 || strings.Contains(s.validator, "\n")) {
			t.Errorf("%q is read as %+v", data, s)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 5-9/10", "bytes 5-9/*", "bytes */10", "bytes */*", "bytes -1-2/3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		start, total, ok := parseContentRange(s)
		if start < -1 || total < -1 || !ok && (start != -1 || total != -1) {
			t.Errorf("%q is read as %d, %d, %v", s, start, total, ok)
		}
	})
}
