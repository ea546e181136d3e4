package cmd

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"gostore/internal/install"
)

// quietInterval is the time between two lines about each task when stderr is no terminal.
const quietInterval = 10 * time.Second

// barWidth is the length of a bar where there is room for it; below leastBar none is drawn.
const (
	barWidth = 16
	leastBar = 4
)

// board shows what several tasks at once are doing: bars on a terminal, elsewhere a line per
// task at its start, every ten seconds and at its end.
type board struct {
	ui      *ui
	bars    *mpb.Progress // nil when stderr is no terminal, or until the first bar
	mu      sync.Mutex
	work    []*meter
	closed  chan struct{}
	telling sync.WaitGroup
	calm    func() bool // ends the watch for an interruption
}

// board returns a board, which must be closed. What is redrawn after ctx was cancelled covers the "^C" that the
// terminal wrote.
func (u *ui) board(ctx context.Context) *board {
	b := &board{ui: u, closed: make(chan struct{}), calm: func() bool { return true }}
	switch {
	case u.quiet:
	case u.terminal:
		b.calm = context.AfterFunc(ctx, u.rewind)
	default:
		b.telling.Go(b.tell)
	}
	return b
}

// tell prints how far the tasks are, from time to time until the board is closed. It also speaks for those that only
// wait, of which no progress is heard.
func (b *board) tell() {
	ticker := time.NewTicker(quietInterval)
	defer ticker.Stop()
	for {
		select {
		case <-b.closed:
			return
		case <-ticker.C:
		}
		b.mu.Lock()
		for _, m := range b.work {
			if line := m.position(); line != "" {
				b.ui.note("%s", line)
			}
		}
		b.mu.Unlock()
	}
}

// task returns the callback for the progress of one task. The callback may be called from any
// goroutine.
func (b *board) task(name string) install.Progress {
	m := &meter{name: name, now: time.Now}
	b.mu.Lock()
	b.work = append(b.work, m)
	b.mu.Unlock()
	return func(phase install.Phase, done, total int64) {
		if b.ui.quiet {
			return
		}
		line := m.update(phase, done, total)
		switch {
		case b.ui.terminal:
			b.show(m)
		case line != "":
			b.ui.note("%s", line)
		}
	}
}

// show adds the bar of a task. Bars are redrawn by mpb, which asks their meters.
func (b *board) show(m *meter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bars == nil {
		b.bars = mpb.New(mpb.WithOutput(b.ui.stderr))
	}
	if m.bar == nil {
		m.bar = b.bars.MustAdd(0, mpb.BarFillerFunc(m.draw), mpb.BarRemoveOnComplete(), mpb.BarFillerTrim(),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return m.label() })),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return m.numbers() })))
	}
}

// close takes the bars away and says how long each finished task took.
func (b *board) close() {
	b.calm()
	close(b.closed)
	b.telling.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.work {
		if m.bar != nil {
			m.bar.Abort(true)
		}
	}
	if b.bars != nil {
		b.bars.Wait()
	}
	for _, m := range b.work {
		if line := m.ending(); line != "" {
			b.ui.note("%s", line)
		}
	}
}

// meter turns the bytes of one task into words.
type meter struct {
	name string
	now  func() time.Time
	bar  *mpb.Bar

	mu          sync.Mutex
	phase       install.Phase
	started     time.Time // of the task
	since       time.Time // of the phase
	from        int64     // bytes that were there when the phase began (a resumed download)
	done, total int64
}

// update records a position; line is what to print at once where there are no bars.
func (m *meter) update(phase install.Phase, done, total int64) (line string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if m.started.IsZero() {
		m.started = now
	}
	began := phase != m.phase
	if began {
		m.phase, m.since, m.from = phase, now, done
	}
	m.done, m.total = done, total
	if began && (phase == install.Downloading || phase == install.Building || phase == install.Copying) {
		return m.announce()
	}
	return ""
}

// position says how far a task is, "" for one that has not begun or is done.
func (m *meter) position() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	switch m.phase {
	case install.Waiting:
		return fmt.Sprintf("%s: waiting for %s, for another gostore that installs it or for upstream", m.name, now.Sub(m.since).Round(time.Second))
	case install.Building:
		return fmt.Sprintf("%s: building for %s", m.name, now.Sub(m.since).Round(time.Second))
	case install.Downloading, install.Unpacking, install.Copying:
		return fmt.Sprintf("%s: %s %s", m.name, m.phase, m.text(now))
	}
	return ""
}

// announce says that a download begins, and how much of it is already here.
func (m *meter) announce() string {
	line := m.name + ": " + m.phase.String()
	if m.total > 0 {
		line += " " + size(m.total)
	}
	if m.from > 0 {
		line += fmt.Sprintf(", of which %s are here", size(m.from))
	}
	return line
}

// text says how far the phase is: bytes, rate, time left.
func (m *meter) text(now time.Time) string {
	elapsed := now.Sub(m.since).Seconds()
	if elapsed <= 0 || m.done <= m.from {
		return size(m.done)
	}
	rate := float64(m.done-m.from) / elapsed
	if m.total <= m.done {
		return fmt.Sprintf("%s, %s/s", size(m.done), size(int64(rate)))
	}
	left := time.Duration(float64(m.total-m.done) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%s of %s, %s/s, %s left", size(m.done), size(m.total), size(int64(rate)), left)
}

func (m *meter) label() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprintf("%s: %s ", m.name, m.phase)
}

func (m *meter) numbers() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.phase {
	case install.Building:
		return m.now().Sub(m.since).Round(time.Second).String()
	case install.Downloading, install.Unpacking, install.Copying:
	default:
		return ""
	}
	return m.text(m.now())
}

// draw draws the bar of a phase whose end is known, no longer than the words leave room for: a line that
// wraps cannot be redrawn.
func (m *meter) draw(w io.Writer, stat decor.Statistics) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	width := min(barWidth, stat.AvailableWidth-len("[] "))
	if m.total <= 0 || width < leastBar {
		return nil
	}
	full := int(min(m.done, m.total) * int64(width) / m.total)
	_, err := fmt.Fprintf(w, "[%s%s] ", strings.Repeat("#", full), strings.Repeat(".", width-full))
	return err
}

// ending is the last line about a task that was finished, "" for one that did no work.
func (m *meter) ending() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.phase != install.Installed || m.started.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s: installed in %.1f s", m.name, m.now().Sub(m.started).Seconds())
}
