package fetch_test

import (
	"bytes"
	"testing"

	"gostore/internal/fetch"
	"gostore/tests/upstream"
)

// Mirrors may serve ranges or not, and state other validators. Files of other lengths are not mixed.
func TestRangesOfMirrors(t *testing.T) {
	for _, tt := range []struct {
		name             string
		fault            upstream.Fault
		zip              func(zip []byte) []byte
		mirror, original int // requests for the second ranges
	}{
		{name: "equal", mirror: 1},
		{name: "another validator", fault: upstream.Fault{Header: map[string]string{"ETag": `"other"`}}, mirror: 1},
		{name: "no ranges", fault: upstream.Fault{NoRange: true}, mirror: 1, original: 1},
		{name: "another length", zip: func(zip []byte) []byte { return zip[:250_000] }, mirror: 1, original: 1},
		{name: "gone", fault: upstream.Fault{Status: 404}, mirror: 1, original: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newMirrored(t)
			mirrors := f.client.Mirrors
			f.client.Mirrors = nil
			if err := f.download(t, fetch.Options{Ranges: []fetch.Range{{0, 10_000}, {100_000, 110_000}}}); err != nil {
				t.Fatal(err)
			}
			f.client.Mirrors = mirrors
			if tt.zip != nil {
				f.mirror.SetZip("1.22.6", linux, tt.zip(f.zip))
			}
			tt.fault.Path = ".zip"
			f.mirror.Fault(tt.fault)
			f.ClearRequests()
			if err := f.download(t, fetch.Options{Ranges: []fetch.Range{{200_000, 200_010}}}); err != nil {
				t.Fatal(err)
			}
			f.asked(t, tt.name, tt.mirror, tt.original)
			if held := f.holds(t, f.part); len(held) != 3 {
				t.Errorf("the part holds %v", held)
			}
		})
	}
}

// A whole file that a mirror left unfinished is not gone on with from one of another length.
func TestWholeFromMirrorsOfOtherLengths(t *testing.T) {
	f := newMirrored(t)
	f.mirror.SetZip("1.22.6", linux, bytes.Repeat([]byte("wrong"), 50_000))
	f.mirror.Fault(upstream.Fault{Path: ".zip", Times: 1, CutAt: 100_000})
	f.mirror.Fault(upstream.Fault{Path: ".zip", Status: 404})
	f.whole(t, f.download(t, fetch.Options{}))
}
