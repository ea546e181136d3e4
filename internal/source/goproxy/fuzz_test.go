package goproxy

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func FuzzList(f *testing.F) {
	f.Add([]byte("v0.0.1-go1.22.6.linux-amd64\nv0.0.1-go1.27rc1.darwin-arm64 2024-01-01\n\r\nx\n"))
	f.Add([]byte("v0.0.1-go1.21.linux-amd64\nv0.0.1-go1.20.linux-amd64\nv0.0.1-go1.22.6-x.linux-amd64\nv0.0.1-go1.22.6.linux-a-b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := parseList(data)
		versions := l.all()
		for v, platforms := range l {
			for _, p := range platforms {
				if !bytes.Contains(data, []byte(moduleVersion(v, p))) {
					t.Errorf("%s for %v is not in the list", v, p)
				}
				if !slices.Contains(l.versions(p), v) {
					t.Errorf("%s is not among the versions for %v", v, p)
				}
			}
			q, err := parseQuery(v)
			if err != nil || !q.matches(v) {
				t.Errorf("listed version %q: query %+v, %v", v, q, err)
			}
		}
		for _, q := range []query{{exact: "1.22.7"}, {series: "1.22"}, {series: "1"}} {
			if got, _ := q.newest(versions); got != "" && !slices.Contains(versions, got) {
				t.Errorf("newest is %q", got)
			}
			if len(nearest(versions, q)) > 5 {
				t.Error("more than five are nearest")
			}
		}
	})
}

func FuzzRequest(f *testing.F) {
	for _, seed := range []string{"1.22", "go1.22.6", "latest", "1.27rc1", "1.20.0", "1.x", "1", "1.9beta2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, request string) {
		q, err := parseQuery(request)
		if err != nil {
			return
		}
		if (q.exact == "") == (q.series == "") {
			t.Errorf("%q is %+v", request, q)
		}
		if q.exact != "" && !isRelease(q.exact) && !strings.HasPrefix(q.exact, "0.") {
			t.Errorf("%q asks for %q, which cannot be a release", request, q.exact)
		}
	})
}

func FuzzProof(f *testing.F) {
	data, err := os.ReadFile("testdata/go1.22.6.linux-amd64.proof")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(proofHeader + "1\na b\n\n\nhead"))
	s, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parseProof(data)
		if err != nil {
			return
		}
		if !bytes.Equal(formatProof(p), data) {
			t.Errorf("%q has a second spelling", data)
		}
		if p.check(s.verifier) == nil && !bytes.Contains(p.text, []byte("go1.22.6.linux-amd64 h1:bNlzYVDdz3HI")) {
			t.Errorf("forged proof %q", data)
		}
	})
}

func FuzzRecord(f *testing.F) {
	mv := moduleVersion("1.22.6", linux)
	f.Add([]byte("7\n" + modulePath + " " + mv + " " + h1(1) + "\n\nhead"))
	f.Add([]byte("7\n" + modulePath + " " + mv + " " + h1(1) + "\n" + modulePath + " " + mv + " " + h1(2) + "\n\n"))
	s, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		_, text, _, err := tlog.ParseRecord(answer)
		if err != nil {
			return
		}
		h, err := s.digestIn(text, mv)
		if err == nil && !bytes.Contains(text, []byte(modulePath+" "+mv+" "+h.String()+"\n")) {
			t.Errorf("%v is not in %q", h, text)
		}
	})
}
