package upstream

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gostore/internal/release"
)

// Fault is a way to misbehave. The zero value of a field leaves that part of an answer alone.
type Fault struct {
	Path    string              // what a request's path must contain
	Times   int                 // how many requests it spoils; 0 is all
	Status  int                 // answers with this status code
	Header  map[string]string   // adds headers, or with "" removes them
	Body    []byte              // answers with this body
	CutAt   int64               // breaks the connection after so many bytes of the body
	Extra   int                 // sends so many bytes more than there are
	NoRange bool                // ignores Range
	NoETag  bool                // states no validator
	Gate    <-chan struct{}     // waits for a value before each piece of 16 KiB; a closed gate is open
	Rewrite func([]byte) []byte // changes the body
	Hook    func(*http.Request) // is called before the answer
}

// Fault adds a fault. The first that matches a request applies.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = -1
	}
	s.faults = append(s.faults, &f)
}

// ClearFaults ends all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Apply adds a fault described by a query: path, times, status, cut, extra (numbers), norange, noetag
// (any value), body, type (Content-Type), retry-after.
func (s *Server) Apply(q url.Values) error {
	f := Fault{Path: q.Get("path"), NoRange: q.Has("norange"), NoETag: q.Has("noetag"), Header: map[string]string{}}
	if q.Has("body") {
		f.Body = []byte(q.Get("body"))
	}
	if q.Has("type") {
		f.Header["Content-Type"] = q.Get("type")
	}
	if q.Has("retry-after") {
		f.Header["Retry-After"] = q.Get("retry-after")
	}
	numbers := map[string]func(int){
		"times":  func(n int) { f.Times = n },
		"status": func(n int) { f.Status = n },
		"cut":    func(n int) { f.CutAt = int64(n) },
		"extra":  func(n int) { f.Extra = n },
	}
	for name, set := range numbers {
		if !q.Has(name) {
			continue
		}
		n, err := strconv.Atoi(q.Get(name))
		if err != nil {
			return fmt.Errorf("fault %q: %w", name, err)
		}
		set(n)
	}
	s.Fault(f)
	return nil
}

// match takes the fault that applies to a path.
func (s *Server) match(path string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times != 0 && strings.Contains(path, f.Path) {
			f.Times--
			return *f
		}
	}
	return Fault{}
}

// SetRecord sets what the database logs for a toolchain in place of the truth. It has to be
// called before the toolchain is first looked up.
func (s *Server) SetRecord(version string, p release.Platform, text string) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.set[From(version, p)] = []byte(text)
}

// Grow adds n records to the log.
func (s *Server) Grow(n int) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.grow(n, "growth")
}

// Fork puts another log of the same size, signed with the same key, in place of the log.
func (s *Server) Fork() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.fork()
}

// Rollback forgets everything that was looked up; what is looked up next is logged anew. With
// different, one further record makes the new history differ from the old.
func (s *Server) Rollback(different bool) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.truncate(filler)
	if different {
		s.log.grow(1, "another")
	}
}
