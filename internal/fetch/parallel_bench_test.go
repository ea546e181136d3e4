package fetch

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// bucket lets through so many bytes per second.
type bucket struct {
	rate int64
	mu   sync.Mutex
	next time.Time
}

func (b *bucket) wait(n int) {
	if b.rate == 0 {
		return
	}
	b.mu.Lock()
	now := time.Now()
	if b.next.Before(now) {
		b.next = now
	}
	b.next = b.next.Add(time.Duration(int64(n) * int64(time.Second) / b.rate))
	until := b.next
	b.mu.Unlock()
	time.Sleep(until.Sub(now))
}

// limited writes through a bucket.
type limited struct {
	http.ResponseWriter
	b *bucket
}

func (l limited) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		piece := p[:min(len(p), 32<<10)]
		l.b.wait(len(piece))
		var k int
		k, err = l.ResponseWriter.Write(piece)
		n, p = n+k, p[k:]
	}
	return n, err
}

// BenchmarkLimits downloads 64 MiB from servers that limit each connection, or all together, with one connection
// and with as many as turn out to be worth it.
func BenchmarkLimits(b *testing.B) {
	file := make([]byte, 64<<20)
	for _, bb := range []struct {
		name         string
		each, shared int64
	}{{"each10MB", 10 << 20, 0}, {"each40MB", 40 << 20, 0}, {"shared20MB", 0, 20 << 20}, {"none", 0, 0}} {
		for name, parallel := range map[string]int{"one": 1, "adaptive": 0} {
			b.Run(bb.name+"/"+name, func(b *testing.B) {
				all := &bucket{rate: bb.shared}
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					limit := all
					if bb.each > 0 {
						limit = &bucket{rate: bb.each}
					}
					http.ServeContent(limited{w, limit}, r, "", time.Time{}, bytes.NewReader(file))
				}))
				defer server.Close()
				client := &Client{Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
				defer client.CloseIdle()
				b.SetBytes(int64(len(file)))
				for b.Loop() {
					part := filepath.Join(b.TempDir(), "part")
					if err := client.Download(b.Context(), server.URL, part, Options{Parallel: parallel}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
