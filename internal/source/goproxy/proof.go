package goproxy

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A proof shows offline that a record stands in the checksum database: the signature of the
// tree head and the hashes from the record up to it are all that is needed, besides the database's
// public key. Its text, about 2 KB, is
//
//	gostore checksum database proof 1
//	<number of the record>
//	<lines of the record>
//	<empty line>
//	<hash of the path from the record to the head, in base64; one a line>
//	<empty line>
//	<signed tree head, up to the end>
//
// The parts are those of golang.org/x/mod/sumdb: tlog.FormatRecord, tlog.RecordProof and a note
// that holds a tlog.FormatTree. A proof has one spelling only, but for the last bits of the
// signature's base64.
type proof struct {
	id   int64
	text []byte // of the record
	path tlog.RecordProof
	head []byte // signed
}

const proofHeader = "gostore checksum database proof 1\n"

var errProof = errors.New("malformed proof")

func formatProof(p proof) []byte {
	record, err := tlog.FormatRecord(p.id, p.text)
	if err != nil {
		return nil // text that is no record has no proof
	}
	var b bytes.Buffer
	b.WriteString(proofHeader)
	b.Write(record)
	for _, h := range p.path {
		fmt.Fprintln(&b, h)
	}
	b.WriteByte('\n')
	b.Write(p.head)
	return b.Bytes()
}

func parseProof(data []byte) (proof, error) {
	rest, ok := bytes.CutPrefix(data, []byte(proofHeader))
	if !ok {
		return proof{}, errProof
	}
	id, text, rest, err := tlog.ParseRecord(rest)
	if err != nil {
		return proof{}, err
	}
	p := proof{id: id, text: text}
	for {
		line, after, ok := bytes.Cut(rest, []byte{'\n'})
		if !ok {
			return proof{}, errProof
		}
		rest = after
		if len(line) == 0 {
			break
		}
		h, err := tlog.ParseHash(string(line))
		if err != nil {
			return proof{}, err
		}
		p.path = append(p.path, h)
	}
	p.head = rest
	if !bytes.Equal(formatProof(p), data) {
		return proof{}, errProof
	}
	return p, nil
}

// check verifies p.
func (p proof) check(v note.Verifier) error {
	tree, err := openHead(p.head, v)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(p.path, tree.N, tree.Hash, p.id, tlog.RecordHash(p.text))
}

func openHead(head []byte, v note.Verifier) (tlog.Tree, error) {
	n, err := note.Open(head, note.VerifierList(v))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("tree head: %w", err)
	}
	return tlog.ParseTree([]byte(n.Text))
}

func (s *Source) proofFile(moduleVersion string) string {
	escaped, err := module.EscapeVersion(moduleVersion)
	if err != nil {
		escaped = "none" // never written: the database refuses to look it up
	}
	return filepath.Join(s.dir, "proofs", filepath.FromSlash(modulePath)+"@"+escaped)
}

// keptProof returns the proof that is kept for a toolchain. One that is damaged, that is
// about something else, or that is signed by another database is a miss.
func (s *Source) keptProof(moduleVersion string) (proof, bool) {
	data, err := os.ReadFile(s.proofFile(moduleVersion))
	if err != nil {
		return proof{}, false
	}
	p, err := parseProof(data)
	if err != nil || p.check(s.verifier) != nil {
		return proof{}, false
	}
	return p, strings.Contains(string(p.text), modulePath+" "+moduleVersion+" ")
}

// prove makes the proof for a record that package sumdb has checked, and checks it.
func (d *session) prove(answer []byte) (proof, error) {
	id, text, head, err := tlog.ParseRecord(answer)
	if err != nil {
		return proof{}, err
	}
	tree, err := openHead(head, d.s.verifier)
	if err != nil {
		return proof{}, err
	}
	// The newest head serves better than the answer's own: its tiles are in the cache. But
	// the file may be a moment behind what package sumdb has agreed to in memory.
	latest, err := d.ReadConfig(d.s.verifier.Name() + "/latest")
	if err != nil {
		return proof{}, err
	}
	if newer, err := openHead(latest, d.s.verifier); err == nil && newer.N > tree.N {
		tree, head = newer, latest
	}
	path, err := tlog.ProveRecord(tree.N, id, tlog.TileHashReader(tree, tiles{d}))
	if err != nil {
		return proof{}, err
	}
	p := proof{id, text, path, head}
	return p, p.check(d.s.verifier)
}

// tiles reads tiles for proofs: those that package sumdb has cached, mostly.
type tiles struct{ d *session }

func (t tiles) Height() int { return 8 }

func (t tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range list {
		b, err := t.read(tile)
		if err != nil {
			return nil, err
		}
		data = append(data, b)
	}
	return data, nil
}

func (t tiles) read(tile tlog.Tile) ([]byte, error) {
	name := t.d.s.verifier.Name() + "/"
	full := tile
	full.W = 1 << tile.H
	for _, candidate := range []tlog.Tile{tile, full} {
		if data, err := t.d.ReadCache(name + candidate.Path()); err == nil && len(data) == candidate.W*tlog.HashSize {
			return data[:tile.W*tlog.HashSize], nil
		}
	}
	data, err := t.d.ReadRemote("/" + tile.Path())
	if err == nil || tile == full {
		return data, err
	}
	whole, fullErr := t.d.ReadRemote("/" + full.Path())
	if fullErr != nil || len(whole) != full.W*tlog.HashSize {
		return nil, err
	}
	return whole[:tile.W*tlog.HashSize], nil
}

func (t tiles) SaveTiles(list []tlog.Tile, data [][]byte) {
	for i, tile := range list {
		t.d.WriteCache(t.d.s.verifier.Name()+"/"+tile.Path(), data[i])
	}
}
