package powercut

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"gostore/tests/snapshot"

	"github.com/zeebo/blake3"
)

// Entry is something that is found on a disk.
type Entry struct {
	Type   fs.FileMode // fs.ModeDir, fs.ModeSymlink, or 0 for a file
	Mode   uint32
	Time   int64 // of modification, in nanoseconds; 0 when nobody set it
	Target string
	Data   []byte
	Sum    [32]byte // BLAKE3 of Data
}

// State is what is found on a disk when the power is back.
type State struct {
	disk    *Disk
	cut     int
	kept    func(i int) bool // of effects that are not durable
	names   map[*node]map[string]*node
	Missing int // effects that did not reach the disk
}

// Pending returns the numbers of the effects that the first cut operations had and that are not durable after them.
func (d *Disk) Pending(cut int) []int {
	var pending []int
	for i, e := range d.effects {
		if e.op > cut {
			break
		}
		if e.synced > cut {
			pending = append(pending, i)
		}
	}
	return pending
}

// At returns what is found when the power fails after the first cut operations and, of the effects that are not durable, those
// reached the disk of which keep reports true, with the renames that came before them.
func (d *Disk) At(cut int, keep func(i int) bool) *State {
	s := &State{disk: d, cut: cut, names: map[*node]map[string]*node{}}
	pending := map[int]bool{}
	for _, i := range d.Pending(cut) {
		pending[i] = false
	}
	for i := range pending {
		if !keep(i) {
			continue
		}
		for at, more := i, true; more; at, more = d.earlier(at) {
			if _, ok := pending[at]; ok {
				pending[at] = true
			}
		}
	}
	for _, kept := range pending {
		if !kept {
			s.Missing++
		}
	}
	s.kept = func(i int) bool {
		kept, ok := pending[i]
		return kept || !ok
	}
	for i, e := range d.effects {
		if e.op > cut {
			break
		}
		if e.kind != aName || !s.kept(i) {
			continue
		}
		for _, name := range e.names {
			if s.names[name.dir] == nil {
				s.names[name.dir] = maps.Clone(name.dir.names)
			}
			if s.names[name.dir] == nil {
				s.names[name.dir] = map[string]*node{}
			}
			name.apply(s.names[name.dir])
		}
	}
	return s
}

// earlier returns the rename that is on the disk if the effect is.
func (d *Disk) earlier(i int) (int, bool) {
	at, ok := d.before[i]
	return at, ok
}

// in returns the names in a directory.
func (s *State) in(dir *node) map[string]*node {
	if names, ok := s.names[dir]; ok {
		return names
	}
	return dir.names
}

// Walk calls do for everything that is found, parents first, in the order of names.
func (s *State) Walk(do func(name string, e Entry)) {
	s.nodes(".", s.disk.root, func(name string, n *node) { do(name, s.entry(n)) })
}

// nodes is Walk for what is below a directory.
func (s *State) nodes(dir string, n *node, do func(name string, n *node)) {
	names := s.in(n)
	for _, base := range slices.Sorted(maps.Keys(names)) {
		child, name := names[base], path.Join(dir, base)
		do(name, child)
		if child.kind == fs.ModeDir {
			s.nodes(name, child, do)
		}
	}
}

func (s *State) entry(n *node) Entry {
	e := Entry{Type: n.kind, Mode: n.mode, Time: n.time, Target: n.target}
	var have []byte
	for _, i := range n.effects {
		ef := s.disk.effects[i]
		if ef.op > s.cut {
			break
		}
		if !s.kept(i) {
			continue
		}
		have = binary.AppendVarint(have, int64(i))
		switch ef.kind {
		case aMode:
			e.Mode = uint32(ef.value)
		case aTime:
			e.Time = ef.value
		}
	}
	if n.kind == 0 {
		e.Data, e.Sum = s.disk.sums.get(n, have, func() []byte { return s.bytes(n) })
	}
	return e
}

// sums remembers contents.
type sums map[*node]map[string]content

type content struct {
	data []byte
	sum  [32]byte
}

func (s *sums) get(n *node, have []byte, read func() []byte) ([]byte, [32]byte) {
	if *s == nil {
		*s = sums{}
	}
	if (*s)[n] == nil {
		(*s)[n] = map[string]content{}
	}
	c, ok := (*s)[n][string(have)]
	if !ok {
		c.data = read()
		c.sum = blake3.Sum256(c.data)
		(*s)[n][string(have)] = c
	}
	return c.data, c.sum
}

// bytes returns what is in a file: each sector as it was after the last of the effects on it that reached the disk.
func (s *State) bytes(n *node) []byte {
	effects := s.disk.effects
	var all []int
	size, largest := int64(len(n.data)), int64(len(n.data))
	for _, i := range n.effects {
		e := effects[i]
		if e.op > s.cut {
			break
		}
		switch e.kind {
		case someBytes, aCut:
			all = append(all, i)
			largest = max(largest, e.offset+int64(len(e.data)))
		}
		if (e.kind == aSize || e.kind == aCut) && s.kept(i) {
			size = e.size
		}
		largest = max(largest, size)
	}
	data := make([]byte, largest)
	copy(data, n.data)
	last := make([]int, (largest+Sector-1)/Sector) // one more than the place in all of the effect that each sector has
	for at, i := range all {
		if !s.kept(i) {
			continue
		}
		from, to := effects[i].extent(largest)
		for sector := from / Sector; sector*Sector < to; sector++ {
			last[sector] = at + 1
		}
	}
	for at, i := range all {
		e := effects[i]
		from, to := e.extent(largest)
		for from < to {
			end := min(to, from/Sector*Sector+Sector)
			if at < last[from/Sector] {
				if e.kind == aCut {
					clear(data[from:end])
				} else {
					copy(data[from:end], e.data[from-e.offset:])
				}
			}
			from = end
		}
	}
	return data[:size]
}

// extent returns which bytes of a file an effect changes.
func (e effect) extent(largest int64) (from, to int64) {
	if e.kind == aCut {
		return e.size, largest
	}
	return e.offset, e.offset + int64(len(e.data))
}

// Make makes directories below dir what is found of them.
func (s *State) Make(dir string, names ...string) error {
	found := snapshot.Snapshot{Top: dir, Names: names}
	first := map[*node]string{}
	s.nodes(".", s.disk.root, func(name string, n *node) {
		e := s.entry(n)
		made := snapshot.Entry{Path: name, Mode: e.Type | fs.FileMode(e.Mode), Target: e.Target, Data: e.Data, Twin: first[n]}
		if e.Time != 0 {
			made.Time = time.Unix(0, e.Time)
		}
		if e.Type == 0 && made.Twin == "" {
			first[n] = name
		}
		found.Entries = append(found.Entries, made)
	})
	return found.Restore()
}

// Differences compares all that was read and done with a directory, and says where they differ: where the record is not whole.
func (d *Disk) Differences(dir string, names ...string) ([]string, error) {
	real, err := Read(dir, names...)
	if err != nil {
		return nil, err
	}
	all := func(int) bool { return true }
	want, got := map[string]Entry{}, map[string]Entry{}
	real.At(0, all).Walk(func(name string, e Entry) { want[name] = e })
	d.At(len(d.Ops), all).Walk(func(name string, e Entry) { got[name] = e })
	var found []string
	for name, e := range want {
		g, ok := got[name]
		switch {
		case !ok:
			found = append(found, name+" is not known")
		case e.Type != g.Type || e.Target != g.Target || !bytes.Equal(e.Data, g.Data) || e.Type != fs.ModeSymlink && e.Mode != g.Mode:
			found = append(found, fmt.Sprintf("%s is %v %o, %d bytes, and known as %v %o, %d bytes", name, e.Type, e.Mode, len(e.Data), g.Type, g.Mode, len(g.Data)))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			found = append(found, name+" is not there")
		}
	}
	slices.Sort(found)
	return found, nil
}
