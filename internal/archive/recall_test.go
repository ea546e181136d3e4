package archive

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"testing"

	"gostore/internal/digest"
)

// recallingSink is a treeSink that knows what it has been told.
type recallingSink struct {
	treeSink
	mu       sync.Mutex
	contents map[digest.Packed][]byte
	sums     map[digest.Packed][sha256.Size]byte
	made     map[string][]byte // by File
	recalled []string
	fails    error // what Recall returns
}

func (s *recallingSink) File(path string, exec bool, data []byte) error {
	s.mu.Lock()
	s.made[path] = bytes.Clone(data)
	s.mu.Unlock()
	return s.treeSink.File(path, exec, data)
}

func (s *recallingSink) Recall(path string, exec bool, p digest.Packed) (sum [sha256.Size]byte, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	content, ok := s.contents[p]
	if !ok || s.fails != nil {
		return sum, false, s.fails
	}
	s.recalled = append(s.recalled, path)
	return s.sums[p], true, s.treeSink.File(path, exec, content)
}

func (s *recallingSink) Remember(path string, p digest.Packed, sum [sha256.Size]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contents[p], s.sums[p] = s.made[path], sum
}

// ignorant returns a sink that knows nothing.
func ignorant() *recallingSink {
	return (&recallingSink{contents: map[digest.Packed][]byte{}, sums: map[digest.Packed][sha256.Size]byte{}}).again()
}

// again returns a sink that knows what s knows.
func (s *recallingSink) again() *recallingSink {
	return &recallingSink{contents: s.contents, sums: s.sums, made: map[string][]byte{}}
}

// unpack unpacks the module zip that parts make and returns its error.
func (s *recallingSink) unpack(t *testing.T, parts []part) error {
	t.Helper()
	data := shape{members: parts}.build()
	m := strict
	var err error
	if m.Want, err = m.hash(data); err != nil {
		t.Fatal(err)
	}
	var done int64
	var mu sync.Mutex
	err = m.Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), s, func(n int64) {
		mu.Lock()
		defer mu.Unlock()
		done += n
	})
	var size int64
	for _, p := range parts {
		size += int64(len(p.content))
	}
	if err == nil && done != size {
		t.Errorf("progress of %d bytes, want %d", done, size)
	}
	return err
}

var (
	samePart   = part{name: "m@v1/same", content: strings.Repeat("same", 5000)}
	movedPart  = part{name: "m@v1/moved/there", content: samePart.content + "."}
	smallPart  = part{name: "m@v1/small", content: "too small to be looked up"}
	plainPart  = part{name: "m@v1/stored", content: strings.Repeat("stored", 500), stored: true}
	beforePart = part{name: "m@v1/changed", content: strings.Repeat("before", 500)}
	afterPart  = part{name: "m@v1/changed", content: strings.Repeat("after!", 500)}
	largePart  = part{name: "m@v1/large", content: noise(1, 2*packedBuffer+1)} // more than is held of a member's packed bytes
)

func TestRecall(t *testing.T) {
	s := ignorant()
	if err := s.unpack(t, []part{beforePart, movedPart, samePart, smallPart, plainPart, largePart}); err != nil || len(s.recalled) > 0 {
		t.Fatalf("knowing nothing recalled %q, %v", s.recalled, err)
	}
	s = s.again()
	elsewhere := movedPart
	elsewhere.name = "m@v1/elsewhere"
	if err := s.unpack(t, []part{afterPart, elsewhere, samePart, smallPart, plainPart, largePart}); err != nil {
		t.Fatal(err)
	}
	if len(s.recalled) != 3 || len(s.made) != 3 {
		t.Errorf("recalled %q, want the three that are the same; made %d, want 3", s.recalled, len(s.made))
	}
	for path, want := range map[string]string{"large": "f " + largePart.content, "same": "f " + samePart.content, "elsewhere": "f " + movedPart.content, "changed": "f " + afterPart.content} {
		if s.tree[path] != want {
			t.Errorf("%q is %.20q, want %.20q", path, s.tree[path], want)
		}
	}
}

// TestRecallWrongly has the h1 decide about what is recalled, too.
func TestRecallWrongly(t *testing.T) {
	s := ignorant()
	if err := s.unpack(t, []part{samePart}); err != nil {
		t.Fatal(err)
	}
	for p, sum := range s.sums {
		sum[0]++
		s.sums[p] = sum
	}
	var wrong *digest.MismatchError
	if err := s.again().unpack(t, []part{samePart}); !errors.As(err, &wrong) {
		t.Errorf("got %v, want a *digest.MismatchError", err)
	}
	s.fails = errors.New("no space")
	if err := s.unpack(t, []part{samePart}); !errors.Is(err, s.fails) {
		t.Errorf("got %v, want %v", err, s.fails)
	}
}

// A disk that fails while it is looked whether a large member is known is not taken for a refused archive.
func TestRecallReadError(t *testing.T) {
	data, boom := shape{members: []part{largePart}}.build(), errors.New("input/output error")
	m := strict
	m.Want, _ = m.hash(data)
	for at := int64(1); ; at++ {
		r := &reader{ReaderAt: bytes.NewReader(data), at: at, do: func() error { return boom }}
		sink := ignorant()
		err := m.Unpack(t.Context(), r, int64(len(data)), sink, nil)
		if r.reads.Load() < at {
			if err != nil || at < 7 {
				t.Errorf("after %d reads: %v", at-1, err)
			}
			return
		}
		var refused *FormatError
		if !errors.Is(err, boom) || errors.As(err, &refused) || len(sink.made) > 0 {
			t.Errorf("failing at read %d: got %v, made %d", at, err, len(sink.made))
		}
	}
}
