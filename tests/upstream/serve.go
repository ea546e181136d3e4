package upstream

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
)

// Request is a request that was served.
type Request struct {
	Method, Path, Range string
	Status              int
	Bytes               int64 // of the body that were sent, counted before the client can have them
}

// Requests returns what was requested so far, in order. Administrative requests are not
// counted.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Request
	for _, q := range s.requests {
		list = append(list, *q)
	}
	return list
}

// Count returns how many requests had part in their path, and how many bytes they were sent.
func (s *Server) Count(part string) (requests int, bytes int64) {
	for _, r := range s.Requests() {
		if strings.Contains(r.Path, part) {
			requests++
			bytes += r.Bytes
		}
	}
	return requests, bytes
}

// ClearRequests forgets the requests so far.
func (s *Server) ClearRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if name, ok := strings.CutPrefix(r.URL.Path, "/-/"); ok {
		s.administer(w, r, name)
		return
	}
	fault := s.match(r.URL.Path)
	if fault.Hook != nil {
		fault.Hook(r)
	}
	q := &Request{Method: r.Method, Path: r.URL.Path, Range: r.Header.Get("Range"), Status: http.StatusOK}
	s.mu.Lock()
	s.requests = append(s.requests, q)
	s.mu.Unlock()
	c := &counter{ResponseWriter: w, fault: fault, gone: r.Context().Done(), count: func(status int, n int64) {
		s.mu.Lock()
		defer s.mu.Unlock()
		q.Status = status
		q.Bytes += n
	}}
	status, kind, body := s.answer(r)
	s.send(c, r, fault, status, kind, body)
}

// send writes an answer, spoiled by the fault.
func (s *Server) send(c *counter, r *http.Request, fault Fault, status int, kind string, body []byte) {
	h := c.Header()
	h.Set("Content-Type", kind)
	if fault.Status != 0 {
		status, body = fault.Status, []byte(http.StatusText(fault.Status)+", as the test wants it\n")
		h.Set("Content-Type", "text/plain")
	}
	if fault.Body != nil {
		body = fault.Body
	}
	if fault.Rewrite != nil {
		body = fault.Rewrite(append([]byte(nil), body...))
	}
	if fault.Extra > 0 {
		body = append(append([]byte(nil), body...), make([]byte, fault.Extra)...)
	}
	if !fault.NoETag && status == http.StatusOK {
		h.Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(body)))
	}
	for name, value := range fault.Header {
		if value == "" {
			h.Del(name)
			continue
		}
		h.Set(name, value)
	}
	if status == http.StatusOK && !fault.NoRange {
		serveRange(c, r, body)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = c.Write(body) // the client may have gone
	}
}

// serveRange serves all of body or the one range that a client asks for.
func serveRange(c *counter, r *http.Request, body []byte) {
	h := c.Header()
	h.Set("Accept-Ranges", "bytes")
	start, end, status := 0, len(body), http.StatusOK
	if etag := r.Header.Get("If-Range"); etag == "" || etag == h.Get("ETag") {
		if s, e, ok := parseRange(r.Header.Get("Range"), len(body)); ok {
			start, end, status = s, e, http.StatusPartialContent
		}
	}
	if start >= len(body) && start > 0 {
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", len(body)))
		c.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return
	}
	if status == http.StatusPartialContent {
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, end-1, len(body)))
	}
	h.Set("Content-Length", strconv.Itoa(end-start))
	c.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = c.Write(body[start:end]) // the client may have gone
	}
}

// parseRange reads "bytes=5-", "bytes=5-9" and "bytes=-5" for a body of size bytes.
func parseRange(header string, size int) (start, end int, ok bool) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	first, last, found := strings.Cut(spec, "-")
	if !ok || !found {
		return 0, 0, false
	}
	n, err := strconv.Atoi(first + last)
	switch {
	case first == "" && err == nil:
		return max(0, size-n), size, true
	case last == "" && err == nil:
		return n, size, true
	}
	start, err1 := strconv.Atoi(first)
	end, err2 := strconv.Atoi(last)
	return start, min(end+1, size), err1 == nil && err2 == nil && start <= end
}

// counter counts what is sent, and slows down or breaks off as the fault says.
type counter struct {
	http.ResponseWriter
	fault  Fault
	gone   <-chan struct{} // closed when the client has gone
	count  func(status int, n int64)
	status int
	sent   int64
}

func (c *counter) WriteHeader(status int) {
	c.status = status
	c.count(status, 0)
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		piece := p[:min(len(p), 16<<10)]
		if c.fault.CutAt > 0 {
			piece = piece[:min(int64(len(piece)), c.fault.CutAt-c.sent)]
		}
		if c.fault.Gate != nil {
			c.flush()
			select {
			case <-c.fault.Gate:
			case <-c.gone:
				return n, http.ErrAbortHandler
			}
		}
		c.count(c.status, int64(len(piece)))
		m, werr := c.ResponseWriter.Write(piece)
		n, err, p = n+m, werr, p[m:]
		c.sent += int64(m)
		if c.fault.CutAt > 0 && c.sent >= c.fault.CutAt {
			c.flush()
			panic(http.ErrAbortHandler)
		}
	}
	return n, err
}

func (c *counter) flush() { _ = http.NewResponseController(c.ResponseWriter).Flush() } // the client may have gone

// answer returns what an honest upstream answers.
func (s *Server) answer(r *http.Request) (status int, kind string, body []byte) {
	if path, ok := strings.CutPrefix(r.URL.Path, "/sumdb/"+Host); ok {
		if path == "/supported" {
			return http.StatusOK, "text/plain", nil
		}
		rec := httptest.NewRecorder()
		req := r.Clone(r.Context())
		req.URL.Path = path
		s.sumdb.ServeHTTP(rec, req)
		return rec.Code, rec.Header().Get("Content-Type"), rec.Body.Bytes()
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/files/"); ok {
		if body, err := s.plain(name); err == nil {
			return http.StatusOK, "application/octet-stream", body
		}
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/dl/"); ok {
		if kind, body := s.download(name); kind != "" {
			return http.StatusOK, kind, body
		}
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/"+module+"/@v/"); ok {
		if kind, body := s.file(name); kind != "" {
			return http.StatusOK, kind, body
		}
	}
	return http.StatusNotFound, "text/plain", []byte("not found\n")
}

// file returns a file of the module proxy, named as below @v/.
func (s *Server) file(name string) (kind string, body []byte) {
	if name == "list" {
		listed, _ := s.toolchains()
		for _, key := range listed {
			body = append(body, "v0.0.1-go"+key+"\n"...)
		}
		return "text/plain", body
	}
	key, _ := strings.CutPrefix(name, "v0.0.1-go")
	if key, ok := strings.CutSuffix(key, ".zip"); ok {
		if z := s.zip(key); z != nil {
			return "application/zip", z
		}
	}
	if key, ok := strings.CutSuffix(key, ".info"); ok && s.zip(key) != nil {
		return "application/json", fmt.Appendf(nil, "{\"Version\":%q}\n", "v0.0.1-go"+key)
	}
	if key, ok := strings.CutSuffix(key, ".mod"); ok && s.zip(key) != nil {
		return "text/plain", []byte("module " + module + "\n")
	}
	return "", nil
}

// administer serves /-/fault, /-/clear and /-/log.
func (s *Server) administer(w http.ResponseWriter, r *http.Request, name string) {
	switch name {
	case "fault":
		if err := s.Apply(r.URL.Query()); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	case "clear":
		s.ClearFaults()
		s.ClearRequests()
	case "log":
		for _, q := range s.Requests() {
			_, _ = io.WriteString(w, fmt.Sprintln(q.Method, q.Path, q.Status, q.Bytes)) // the client may have gone
		}
	default:
		http.NotFound(w, r)
	}
}
