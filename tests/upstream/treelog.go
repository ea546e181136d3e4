package upstream

import (
	"context"
	"fmt"
	"io/fs"
	"sync"

	mod "golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// errUnknown makes the database answer 404.
var errUnknown error = &fs.PathError{Op: "lookup", Path: "record", Err: fs.ErrNotExist}

// filler is how many records stand in the log before anything is looked up: more than one
// tile of 256 hashes, so that clients need tiles of two levels.
const filler = 300

// treeLog is a transparency log in memory, which grows by what is looked up.
type treeLog struct {
	key    string // verifier key
	signer note.Signer
	source func(path, version string) ([]byte, error)

	mu      sync.Mutex
	records [][]byte
	hashes  []tlog.Hash
	ids     map[string]int64
	set     map[string][]byte // records set by a test, by module@version
}

func newTreeLog(source func(path, version string) ([]byte, error)) (*treeLog, error) {
	secret, key, err := note.GenerateKey(nil, Host)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, err
	}
	l := &treeLog{key: key, signer: signer, source: source, ids: map[string]int64{}, set: map[string][]byte{}}
	l.grow(filler, "filler")
	return l, nil
}

// grow appends n records that nobody looks up.
func (l *treeLog) grow(n int, what string) {
	for range n {
		l.add(fmt.Appendf(nil, "example.com/%s v1.0.%d h1:none\n", what, len(l.records)))
	}
}

func (l *treeLog) add(record []byte) int64 {
	id := int64(len(l.records))
	hashes, err := tlog.StoredHashes(id, record, l)
	if err != nil {
		panic(err) // hashes in memory can be read
	}
	l.records = append(l.records, record)
	l.hashes = append(l.hashes, hashes...)
	return id
}

// ReadHashes reads from memory; the caller holds l.mu.
func (l *treeLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		list[i] = l.hashes[index]
	}
	return list, nil
}

// truncate forgets all but the first n records.
func (l *treeLog) truncate(n int) {
	l.records = l.records[:n]
	l.hashes = l.hashes[:tlog.StoredHashCount(int64(n))]
	for key, id := range l.ids {
		if id >= int64(n) {
			delete(l.ids, key)
		}
	}
}

// fork changes the first record and with it the head of the tree.
func (l *treeLog) fork() {
	records := l.records
	l.records, l.hashes = nil, nil
	l.add([]byte("example.com/fork v1.0.0 h1:none\n"))
	for _, r := range records[1:] {
		l.add(r)
	}
}

// Signed returns the newest signed tree head.
func (l *treeLog) Signed(context.Context) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int64(len(l.records))
	h, err := tlog.TreeHash(n, l)
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: string(tlog.FormatTree(tlog.Tree{N: n, Hash: h}))}, l.signer)
}

// ReadRecords returns the records id to id+n-1.
func (l *treeLog) ReadRecords(_ context.Context, id, n int64) ([][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id+n > int64(len(l.records)) {
		return nil, errUnknown
	}
	return l.records[id : id+n], nil
}

// Lookup logs a module version that exists upstream and returns its record's number.
func (l *treeLog) Lookup(_ context.Context, m mod.Version) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := m.Path + "@" + m.Version
	if id, ok := l.ids[key]; ok {
		return id, nil
	}
	record, ok := l.set[key]
	if !ok {
		var err error
		if record, err = l.source(m.Path, m.Version); err != nil {
			return 0, err
		}
	}
	l.ids[key] = l.add(record)
	return l.ids[key], nil
}

// mustKnow logs a module version before it changes.
func (l *treeLog) mustKnow(path, version string) {
	_, _ = l.Lookup(context.Background(), mod.Version{Path: path, Version: version}) // unknown stays unknown
}

// ReadTileData returns the hashes of a tile.
func (l *treeLog) ReadTileData(_ context.Context, t tlog.Tile) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := (t.N<<uint(t.H) + int64(t.W)) << uint(t.L*t.H); t.L < 0 || n > int64(len(l.records)) {
		return nil, errUnknown
	}
	return tlog.ReadTileData(t, l)
}
