package fetch

import "time"

const (
	// settling is how long a new connection takes to come up to its speed, and is not measured.
	settling = 250 * time.Millisecond

	// window is how long the speed is measured. The answers of a module proxy begin after 140 ms.
	window = 500 * time.Millisecond

	// growth is how much faster everything together has to be for one more connection to have been worth it, in
	// percent. What is less is noise.
	growth = 115
)

// pace finds out how many connections a download is worth: it measures how fast one is, then asks for one more, and
// goes on as long as the last one made the whole faster. The zero value is ready.
type pace struct {
	over  bool          // no more are asked for
	conns int           // how many there are since start
	start time.Duration // of the window
	bytes int64         // that arrived in it
	best  int64         // bytes per second with the connections before the last one
	last  int           // how many those were, 0 before the first window ended
	kept  int           // how many were worth it
}

// add counts n bytes that arrived at time now through conns connections. It reports whether to open one more.
func (p *pace) add(n int64, now time.Duration, conns int) bool {
	if p.over {
		return false
	}
	if conns != p.conns {
		p.conns, p.start, p.bytes = conns, now+settling, 0
		return false
	}
	if now < p.start {
		return false
	}
	p.bytes += n
	if now < p.start+window {
		return false
	}
	speed := p.bytes * int64(time.Second) / int64(now-p.start)
	p.start, p.bytes = now, 0
	if p.last > 0 && p.last < conns && speed*100 < p.best*growth {
		p.over, p.kept = true, p.last
		return false
	}
	p.best, p.last, p.kept = speed, conns, conns
	return true
}

// worth returns how many connections have shown to be of use, or are being tried.
func (p *pace) worth() int {
	if p.over {
		return max(1, p.kept)
	}
	return p.kept + 1
}
