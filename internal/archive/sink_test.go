package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"testing"
)

// treeSink keeps the tree that it is given: "d", "f content", "x content" or "l target" by path.
type treeSink struct {
	workers int
	fail    error // what File and Stream return
	mu      sync.Mutex
	tree    map[string]string
	nested  int
}

func (s *treeSink) put(name, what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tree == nil {
		s.tree = map[string]string{}
	}
	if had, ok := s.tree[name]; ok && (had != "d" || what != "d") {
		return fmt.Errorf("%q is put twice", name)
	}
	s.tree[name] = what
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		s.tree[dir] = "d"
	}
	return nil
}

func (s *treeSink) Dir(name string) error { return s.put(name, "d") }

func (s *treeSink) File(name string, exec bool, data []byte) error {
	if s.fail != nil {
		return s.fail
	}
	if exec {
		return s.put(name, "x "+string(data))
	}
	return s.put(name, "f "+string(data))
}

func (s *treeSink) Stream(name string, exec bool, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return s.File(name, exec, data)
}

func (s *treeSink) Link(name, target string) error { return s.put(name, "l "+target) }

func (s *treeSink) Copy(name, from string) error {
	content, ok := s.tree[from]
	if !ok || (content[0] != 'f' && content[0] != 'x') {
		return fmt.Errorf("%q is no file to copy", from)
	}
	return s.put(name, content)
}

func (s *treeSink) Nest(dir string) error {
	s.nested++
	was := s.tree
	s.tree = nil
	prefix := ""
	if parent := path.Dir(dir); parent != "." {
		prefix = parent + "/"
	}
	err := s.put(dir, "d")
	for name, what := range was {
		switch rest, ok := strings.CutPrefix(name, prefix); {
		case ok && rest != "":
			err = errors.Join(err, s.put(dir+"/"+rest, what))
		default:
			err = errors.Join(err, s.put(name, what))
		}
	}
	return err
}

func (s *treeSink) Workers() int { return s.workers }

func unpackBytes(t testing.TB, data []byte, opt Options, sink Sink) error {
	t.Helper()
	return Unpack(t.Context(), bytes.NewReader(data), int64(len(data)), opt, sink, nil)
}
