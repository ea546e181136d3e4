package fetch

import (
	"reflect"
	"strings"
	"testing"
)

func FuzzState(f *testing.F) {
	sum := sumOf("https://a")
	f.Add([]byte("x"), int64(0))
	f.Add(state{validator: `"tag"`, total: 12, from: sum}.format("https://a"), int64(12))
	f.Add(state{total: -1, from: sum}.format("https://a"), int64(5))
	sparse := state{total: 99, from: sum, sparse: true, have: extents{{5, 9}, {20, 99}}}.format("https://a")
	f.Add(sparse, int64(99))
	f.Add(sparse[:len(sparse)-1], int64(30))
	f.Fuzz(func(t *testing.T, data []byte, size int64) {
		if size < 0 {
			return
		}
		s, _, length, ok := parseState(data, size)
		if !ok {
			return
		}
		if length > len(data) || s.total < -1 || strings.Contains(s.validator, "\n") {
			t.Errorf("%q is read as %+v", data, s)
		}
		for i, r := range s.have {
			if r.Start < 0 || r.End <= r.Start || r.End > size || s.total >= 0 && r.End > s.total || i > 0 && r.Start <= s.have[i-1].End {
				t.Errorf("%q for %d bytes claims %v", data, size, s.have)
			}
		}
		text := s.format("https://a")
		again, _, n, ok := parseState(text, size)
		if !ok || n != len(text) || !reflect.DeepEqual(again, s) {
			t.Errorf("%q is read as %+v, and written and read again as %+v", data, s, again)
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
