package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowd is a server of one large file that tests see every request of.
type crowd struct {
	*httptest.Server
	file   []byte
	answer func(n int, w http.ResponseWriter, r *http.Request) bool // may answer the n-th request, from 0
	broken func()                                                   // is called when the client has given up an answer that broke off

	mu       sync.Mutex
	requests int
	active   int
	most     int           // requests at once
	enough   chan struct{} // closed by goOn, when want are active
	goOn     func()
	want     int
	sent     atomic.Int64
}

func newCrowd(t *testing.T, size, want int) *crowd {
	c := &crowd{file: make([]byte, size), want: want, enough: make(chan struct{})}
	c.goOn = sync.OnceFunc(func() { close(c.enough) })
	rand.NewChaCha8([32]byte{}).Read(c.file)
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	n := c.requests
	c.requests++
	c.mu.Unlock()
	if c.answer != nil && c.answer(n, w, r) {
		return
	}
	c.mu.Lock()
	c.active++
	if c.most = max(c.most, c.active); c.active >= c.want {
		c.goOn()
	}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.active--
		c.mu.Unlock()
	}()
	w.Header().Set("ETag", `"one"`)
	http.ServeContent(&slow{w, c, r.Context(), 0}, r, "", time.Time{}, bytes.NewReader(c.file))
}

// counts returns how many requests there were, and how many at once.
func (c *crowd) counts() (requests, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests, c.most
}

// slow sends half a megabyte and no more until enough requests are active.
type slow struct {
	http.ResponseWriter
	c    *crowd
	ctx  context.Context
	sent int
}

func (s *slow) Write(p []byte) (n int, err error) {
	if s.sent > 512<<10 {
		select {
		case <-s.c.enough:
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		}
	}
	n, err = s.ResponseWriter.Write(p)
	s.sent += n
	s.c.sent.Add(int64(n))
	return n, err
}

// brings downloads the file and compares it.
func (c *crowd) brings(t *testing.T, part string, opt Options) {
	t.Helper()
	client := &Client{Pause: func(ctx context.Context, _ time.Duration) error {
		t.Error("there was a pause, though another connection could go on")
		return ctx.Err()
	}}
	if c.broken != nil {
		client.HTTP = &http.Client{Transport: watching{newTransport(), c.broken}}
	}
	defer client.CloseIdle()
	if err := client.Download(t.Context(), c.URL+"/file", part, opt); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(part); err != nil || !bytes.Equal(got, c.file) {
		t.Errorf("the part has %d bytes that are not the file's %d, %v", len(got), len(c.file), err)
	}
	if left, _, ok := Held(part); !ok || !slices.Equal(left, []Range{{0, int64(len(c.file))}}) {
		t.Errorf("the part is said to hold %v, %v", left, ok)
	}
}

// watching calls broken when the client has given up an answer that broke off.
type watching struct {
	http.RoundTripper
	broken func()
}

func (w watching) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = &watchedBody{ReadCloser: resp.Body, broken: w.broken}
	}
	return resp, err
}

type watchedBody struct {
	io.ReadCloser
	broken func()
	err    error
}

func (b *watchedBody) Read(p []byte) (n int, err error) {
	n, b.err = b.ReadCloser.Read(p)
	return n, b.err
}

func (b *watchedBody) Close() error {
	if b.err != nil && b.err != io.EOF {
		b.broken()
	}
	return b.ReadCloser.Close()
}

// The server goes on only when four connections are there, and then each of them has a part of the file.
func TestParallel(t *testing.T) {
	c := newCrowd(t, 12<<20, 4)
	c.brings(t, filepath.Join(t.TempDir(), "part"), Options{Parallel: 4})
	if _, most := c.counts(); most < 4 { // one that the client has left may still count
		t.Errorf("%d requests at once, want 4 at least", most)
	}
}

func TestOneConnectionIfAsked(t *testing.T) {
	c := newCrowd(t, 12<<20, 1)
	c.brings(t, filepath.Join(t.TempDir(), "part"), Options{Parallel: 1})
	if n, _ := c.counts(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// Small files are not worth a second connection.
func TestSmallFileInOneRequest(t *testing.T) {
	c := newCrowd(t, 3<<20, 1)
	c.brings(t, filepath.Join(t.TempDir(), "part"), Options{Parallel: 4})
	if n, _ := c.counts(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// A server that does not want further connections, or does not know ranges, sends everything through the first one.
func TestParallelRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request)
	}{
		{"busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }},
		{"too many", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		}},
		{"no ranges", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1000)) }},
		{"forbidden", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }},
		{"another file", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", "bytes 10-20/30")
			w.WriteHeader(http.StatusPartialContent)
		}},
		{"broken off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"a web page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusPartialContent)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCrowd(t, 12<<20, 99)
			c.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
				if n == 0 {
					return false
				}
				defer c.goOn()
				tt.answer(w, r)
				return true
			}
			c.brings(t, filepath.Join(t.TempDir(), "part"), Options{Parallel: 4})
			if n, _ := c.counts(); n < 2 || n > 4 {
				t.Errorf("%d requests", n)
			}
			if extra := c.sent.Load() - int64(len(c.file)); extra != 0 {
				t.Errorf("%d bytes were sent twice", extra)
			}
		})
	}
}

// After a refusal nobody takes over work from another by one more request. That it was refused is known when the answer
// has been read, which no server sees: the round itself is asked.
func TestParallelRefusedLater(t *testing.T) {
	r := &round{download: &download{}, running: 2, most: 3}
	r.opt.Parallel = 3
	r.active = []*segment{{Range: Range{0, 12 << 20}}, {Range: Range{12 << 20, 24 << 20}}}
	more := r.next()
	if more == nil || more.victim == nil {
		t.Fatalf("nothing to try a third connection for: %v", more)
	}
	r.running++
	r.failed(more, errNotAlone)
	if s := r.next(); s != nil {
		t.Errorf("%v would be asked for after the refusal", s.Range)
	}
	if r.running != 1 || r.err != nil || r.active[0].split || r.active[1].split {
		t.Errorf("%d connections, %v; want the one that has work, and no error", r.running, r.err)
	}
}

// One of several connections that breaks leaves its rest to the others.
func TestParallelBreaks(t *testing.T) {
	c := newCrowd(t, 48<<20, 4)
	c.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n != 2 {
			return false
		}
		var first, last int
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, max(last, first+99), len(c.file)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(c.file[first : first+50_000])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	c.broken = c.goOn // there will be only three, and they go on when it is known that the fourth does not
	c.brings(t, filepath.Join(t.TempDir(), "part"), Options{Parallel: 4})
}

// What several connections left behind is gone on with.
func TestParallelResumes(t *testing.T) {
	c := newCrowd(t, 12<<20, 4)
	part := filepath.Join(t.TempDir(), "part")
	ctx, cancel := context.WithCancel(t.Context())
	client := &Client{}
	defer client.CloseIdle()
	err := client.Download(ctx, c.URL+"/file", part, Options{Parallel: 4, Progress: func(done, total int64) {
		if done > total/2 {
			cancel()
		}
	}})
	if err == nil {
		t.Fatal("the interrupted download succeeded")
	}
	held, _, ok := Held(part)
	if had := extents(held).bytes(); !ok || had < int64(len(c.file))/2 {
		t.Fatalf("%d bytes were kept, %v", had, held)
	}
	got, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range held {
		if !bytes.Equal(got[r.Start:r.End], c.file[r.Start:r.End]) {
			t.Errorf("%v is claimed, but not there", r)
		}
	}
	c.brings(t, part, Options{})
}

func TestPace(t *testing.T) {
	const mb = 1 << 20
	for _, tt := range []struct {
		name  string
		speed []int64 // bytes per second of everything, by number of connections - 1
		want  int     // how many there are in the end
		worth int
	}{
		{"each has a limit", []int64{mb, 2 * mb, 3 * mb, 4 * mb}, 4, 5},
		{"together they have a limit", []int64{mb, mb, mb, mb}, 2, 1},
		{"two are enough", []int64{mb, 2 * mb, 2 * mb, 2 * mb}, 3, 2},
		{"more make it slower", []int64{4 * mb, mb, mb, mb}, 2, 1},
		{"no more than noise", []int64{100 * mb, 110 * mb, mb, mb}, 2, 1},
		{"growing slowly", []int64{100 * mb, 120 * mb, 140 * mb, 150 * mb}, 4, 3},
	} {
		var p pace
		conns := 1
		for now := time.Duration(0); now < 10*time.Second; now += 10 * time.Millisecond {
			if p.add(tt.speed[conns-1]/100, now, conns) && conns < 4 {
				conns++
			}
		}
		if conns != tt.want || !p.over && tt.name != "each has a limit" {
			t.Errorf("%s: %d connections, want %d, over: %v", tt.name, conns, tt.want, p.over)
		}
	}
}

// A connection that ends makes what was measured before void.
func TestPaceAfterAnEnd(t *testing.T) {
	var p pace
	add := func(from, to time.Duration, conns int, n int64) (more bool) {
		for now := from; now < to; now += 10 * time.Millisecond {
			more = p.add(n, now, conns) || more
		}
		return more
	}
	if !add(0, time.Second, 2, 1000) {
		t.Error("two connections are not measured")
	}
	if add(time.Second, 1500*time.Millisecond, 1, 100) {
		t.Error("another connection while one settles")
	}
	if !add(1500*time.Millisecond, 2*time.Second, 1, 100) || p.over {
		t.Error("one connection is compared with two")
	}
}

func TestExtents(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var x, y extents
		var inX, inY [64]bool
		for range random.IntN(8) {
			a := random.Int64N(60)
			r := Range{a, a + random.Int64N(6)}
			for i := r.Start; i < r.End; i++ {
				inX[i] = true
			}
			if r.End > r.Start {
				x = x.add(r)
			}
			a = random.Int64N(60)
			s := Range{a, a + random.Int64N(6)}
			for i := s.Start; i < s.End; i++ {
				inY[i] = true
			}
			y = extentsOf(append(y, s), 0)
		}
		if got := members(x); got != inX {
			t.Fatalf("%v has %v, want %v", x, got, inX)
		}
		var left [64]bool
		for i := range left {
			left[i] = inX[i] && !inY[i]
		}
		if got := members(x.without(y)); got != left {
			t.Fatalf("%v without %v has %v, want %v", x, y, got, left)
		}
		for i := 1; i < len(x); i++ {
			if x[i].Start <= x[i-1].End {
				t.Fatalf("%v is not in order", x)
			}
		}
	}
}

func members(x extents) (in [64]bool) {
	for _, r := range x {
		for i := r.Start; i < r.End; i++ {
			in[i] = true
		}
	}
	return in
}
