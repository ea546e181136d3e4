package tree

// pile is a list of entries that grows without being copied: with a million of them the last copy alone would take 100 MB.
type pile struct {
	full [][]Entry
	last []Entry
}

// pileSize is how many entries grow together: 80 KB.
const pileSize = 1024

func (p *pile) add(e Entry) {
	if len(p.last) == cap(p.last) {
		if p.last != nil {
			p.full = append(p.full, p.last)
		}
		p.last = make([]Entry, 0, pileSize)
	}
	p.last = append(p.last, e)
}

// level returns what piles hold in one slice, and takes it from them.
func level(piles []pile) []Entry {
	n := 0
	for _, p := range piles {
		n += len(p.full)*pileSize + len(p.last)
	}
	all := make([]Entry, 0, n)
	for i := range piles {
		p := &piles[i]
		for j, entries := range p.full {
			all = append(all, entries...)
			p.full[j] = nil // for the collector
		}
		all = append(all, p.last...)
		*p = pile{}
	}
	return all
}
