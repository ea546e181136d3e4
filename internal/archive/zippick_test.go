package archive

import (
	"bytes"
	"io"
	"testing"
)

// FuzzPickZip: whatever a zip is, single members of it are refused, or have the size that the list of members states.
func FuzzPickZip(f *testing.F) {
	f.Add(writeZip(f, map[string]string{"top/a": "f a", "top/b/c": "x some text that is longer"}, true))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := Limits{Bytes: 1 << 20, File: 1 << 20}
		entries, err := ListZip(t.Context(), bytes.NewReader(data), int64(len(data)), l)
		if err != nil {
			return
		}
		n := 0
		err = PickZip(t.Context(), bytes.NewReader(data), int64(len(data)), l, func(e Entry) bool { return e.Size%2 == 0 }, func(e Entry, r io.Reader) error {
			got, err := io.Copy(io.Discard, r)
			if err == nil && got != e.Size {
				t.Errorf("%q has %d bytes, listed with %d", e.Name, got, e.Size)
			}
			n++
			return err
		})
		if err == nil && n > len(entries) {
			t.Errorf("%d of %d members", n, len(entries))
		}
	})
}

// Of a zip only the list and the members that are wanted are read.
func TestPickZip(t *testing.T) {
	data := writeZip(t, map[string]string{"top/a": "f wanted", "top/b": "f not wanted"}, true)
	entries, err := ListZip(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{})
	if err != nil || len(entries) != 2 {
		t.Fatal(entries, err)
	}
	for _, e := range entries {
		if e.Name == "top/b" {
			clear(data[e.Offset:e.End])
		}
	}
	var got []byte
	pick := func(name string) error {
		return PickZip(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{}, func(e Entry) bool { return e.Name == name },
			func(_ Entry, r io.Reader) (err error) { got, err = io.ReadAll(r); return err })
	}
	if err := pick("top/a"); err != nil || string(got) != "wanted" {
		t.Errorf("%q, %v", got, err)
	}
	if err := pick("top/b"); err == nil {
		t.Error("what is not there is found")
	}
}
