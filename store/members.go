package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"sort"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// Known members. An archive's neighbour has most members in common with it, packed into the same bytes. Beside the
// manifest of an object that came from a zip stands a table of its members, meta/<hex>.members:
//
//	gostore members 1\n
//	one record for each member, in ascending order:
//	  32 bytes  BLAKE3 of the packed bytes
//	  32 bytes  BLAKE3 of the content
//	  32 bytes  SHA-256 of the content
//	   8 bytes  size of the content
//	   4 bytes  CRC-32 of the content
//	BLAKE3 of everything before
//
// Numbers are little-endian. Equal packed bytes have equal contents, so what a record says of a content was found out by
// inflating it once, for an archive whose digest was right. Whether files/ has that content, undamaged, is a question for the
// file itself, whose bytes are hashed each time.
//
// A table is a cache: one that is not there, or damaged, costs only time. It is written before the rename that
// makes its object visible, made durable by the same syncfs, and goes with the object.
const (
	membersSuffix = ".members"
	membersHead   = "gostore members 1\n"
	recordSize    = 3*32 + 8 + 4

	// tables is how many objects' members are known: the newest. Each has some 9,400 for a Go toolchain, in 1 MB.
	tables = 4
)

// member is what a record says.
type member struct {
	packed  digest.Packed
	content digest.Content
	sum     [sha256.Size]byte
	path    string // in the object; not in the record
}

// memberTable is the records of a table.
type memberTable []byte

func (t memberTable) record(i int) []byte { return t[i*recordSize : (i+1)*recordSize] }

// find returns what packed bytes become.
func (t memberTable) find(p digest.Packed) (m member, ok bool) {
	i, ok := sort.Find(len(t)/recordSize, func(i int) int { return bytes.Compare(p.Digest[:], t.record(i)[:32]) })
	if !ok {
		return member{}, false
	}
	r := t.record(i)
	m.packed = digest.Packed{Digest: p.Digest, Size: int64(binary.LittleEndian.Uint64(r[96:])), CRC: binary.LittleEndian.Uint32(r[104:])}
	copy(m.content[:], r[32:])
	copy(m.sum[:], r[64:])
	return m, m.packed == p
}

// formatMembers returns the table of members.
func formatMembers(members []member) []byte {
	slices.SortFunc(members, func(a, b member) int { return bytes.Compare(a.packed.Digest[:], b.packed.Digest[:]) })
	members = slices.CompactFunc(members, func(a, b member) bool { return a.packed.Digest == b.packed.Digest })
	out := make([]byte, 0, len(membersHead)+len(members)*recordSize+32)
	out = append(out, membersHead...)
	for _, m := range members {
		out = append(append(append(out, m.packed.Digest[:]...), m.content[:]...), m.sum[:]...)
		out = binary.LittleEndian.AppendUint64(out, uint64(m.packed.Size))
		out = binary.LittleEndian.AppendUint32(out, m.packed.CRC)
	}
	sum := digest.Sum(out)
	return append(out, sum[:]...)
}

// parseMembers reads a table, which has to be whole.
func parseMembers(data []byte) (memberTable, error) {
	end := len(data) - 32
	if end < 0 || digest.Sum(data[:end]) != digest.Content(data[end:]) {
		return nil, errors.New("table of members is damaged")
	}
	records, ok := bytes.CutPrefix(data[:end], []byte(membersHead))
	if !ok || len(records)%recordSize != 0 {
		return nil, errors.New("table of members is of another kind")
	}
	return records, nil
}

// newestMembers returns the tables of the objects that were added last. Those that are damaged are removed.
func (s *Store) newestMembers() []memberTable {
	entries, err := os.ReadDir(s.path(metaDir))
	if err != nil {
		return nil
	}
	var found []fs.FileInfo
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), membersSuffix) {
			continue
		}
		if fi, err := e.Info(); err == nil {
			found = append(found, fi)
		}
	}
	slices.SortFunc(found, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	var known []memberTable
	for _, fi := range found[:min(len(found), tables)] {
		name := path.Join(metaDir, fi.Name())
		data, err := os.ReadFile(s.path(name))
		if err != nil {
			continue
		}
		t, err := parseMembers(data)
		if err != nil {
			s.root.Remove(name) // best effort: it is of no use
			continue
		}
		known = append(known, t)
	}
	return known
}

// Recall makes a file, executable or not, as File does, where it is known which content p becomes and that content is shared. It returns the content's
// SHA-256. What is wrong with a shared file, or whatever else goes wrong with it, is a miss: ok is false,
// and File is to be called.
func (g *Stage) Recall(name string, exec bool, p digest.Packed) (sum [sha256.Size]byte, ok bool, err error) {
	m, ok := g.recall(p)
	if !ok || p.Size < ShareSize {
		return sum, false, nil
	}
	e := tree.Entry{Path: name, Kind: fileKind(exec), Content: m.content, Size: p.Size}
	was, ok := holds(int(g.files.Fd()), e)
	if !ok {
		return sum, false, nil
	}
	if err := g.claim(name, e.Kind); err != nil {
		return sum, false, err
	}
	err = g.at(name, func(p place) error {
		ok = g.linkShared(sharedName(e), p, was)
		return nil
	})
	if err != nil || !ok {
		g.giveBack(name)
		return sum, false, err
	}
	g.record(e)
	g.Remember(name, p, m.sum)
	return m.sum, true, nil
}

// recall looks in the tables, which are read when they are first needed.
func (g *Stage) recall(p digest.Packed) (member, bool) {
	for _, t := range g.known() {
		if m, ok := t.find(p); ok {
			return m, true
		}
	}
	return member{}, false
}

// Remember notes, of a file that was made, what p became. The table of the object will have it, if the content is shared.
func (g *Stage) Remember(name string, p digest.Packed, sum [sha256.Size]byte) {
	if p.Size < ShareSize {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members = append(g.members, member{packed: p, sum: sum, path: name})
}

// writeMembers writes the table of what is remembered, if anything is.
func (g *Stage) writeMembers(m tree.Manifest) error {
	entries := m.Entries()
	var members []member
	for _, r := range g.members {
		i, ok := slices.BinarySearchFunc(entries, r.path, func(e tree.Entry, path string) int { return strings.Compare(e.Path, path) })
		if !ok || entries[i].Size != r.packed.Size {
			continue // was moved since, by Nest
		}
		r.content = entries[i].Content
		members = append(members, r)
	}
	if len(members) == 0 {
		return nil
	}
	return g.store.writeAtomic(path.Join(metaDir, m.Digest().Hex()+membersSuffix), formatMembers(members))
}
