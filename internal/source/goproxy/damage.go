package goproxy

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"gostore/internal/durable"
)

// Damaged goes through what is kept of checksum databases in dir and calls damaged for each file that is not what was written to it: proofs that
// prove nothing about what they are named after, tree heads without the signature of their database, tiles that are not whole or not those
// that the tile above them tells of. key is that of the database, "" the public one's; heads of other databases are not judged.
// A directory that is not there has nothing.
func Damaged(dir, key string, damaged func(path, problem string)) error {
	s, err := New(Config{Dir: dir, VerifierKey: key})
	if err != nil {
		return err
	}
	tiles := map[string]map[tlog.Tile][]byte{} // by the directory of the database
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), durable.TempPrefix) || strings.HasSuffix(e.Name(), ".lock") {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			damaged(path, "cannot be read: "+err.Error())
			return nil
		}
		if problem := s.problem(filepath.ToSlash(rel), data, tiles); problem != "" {
			damaged(path, problem)
		}
		return nil
	})
	for database, of := range tiles {
		for tile := range of {
			if problem := parentProblem(tile, of); problem != "" {
				damaged(filepath.Join(dir, database, filepath.FromSlash(tile.Path())), problem)
			}
		}
	}
	return err
}

// problem says what is wrong with one file, "" where nothing is. Tiles that are whole are entered in tiles.
func (s *Source) problem(rel string, data []byte, tiles map[string]map[tlog.Tile][]byte) string {
	first, rest, _ := strings.Cut(rel, "/")
	switch {
	case first == "proofs":
		return s.proofProblem(rest, data)
	case strings.HasPrefix(rest, "tile/"):
		tile, err := tlog.ParseTilePath(rest)
		if err != nil {
			return "has a name that no tile has"
		}
		if len(data) < sha256.Size || sha256.Sum256(data[sha256.Size:]) != [sha256.Size]byte(data[:sha256.Size]) {
			return "is not what was written to it: its check is wrong"
		}
		if data = data[sha256.Size:]; len(data) != tile.W*tlog.HashSize {
			return fmt.Sprintf("holds %d bytes, and the tile of that name has %d", len(data), tile.W*tlog.HashSize)
		}
		if tiles[first] == nil {
			tiles[first] = map[tlog.Tile][]byte{}
		}
		tiles[first][tile] = data
	case rest == "latest" && first == s.verifier.Name():
		if _, err := note.Open(data, note.VerifierList(s.verifier)); err != nil {
			return "is no tree head of its database: " + err.Error()
		}
	}
	return ""
}

// proofProblem says what is wrong with the proof of that name. One for another database's key is none of ours.
func (s *Source) proofProblem(name string, data []byte) string {
	p, err := parseProof(data)
	if err == nil {
		err = p.check(s.verifier)
	}
	if err != nil {
		return "proves nothing: " + err.Error()
	}
	_, escaped, _ := strings.Cut(strings.TrimPrefix(name, modulePath), "@")
	version, err := module.UnescapeVersion(escaped)
	if err != nil || !strings.Contains(string(p.text), modulePath+" "+version+" ") {
		return "is a proof of something else"
	}
	return ""
}

// parentProblem compares a tile with what the tile above it, and a wider one of the same place, say of it, as far as they are kept.
func parentProblem(tile tlog.Tile, of map[tlog.Tile][]byte) string {
	data := of[tile]
	for other, wider := range of {
		switch {
		case other.H != tile.H || other.L < tile.L || other.L > tile.L+1:
		case other.L == tile.L && other.N == tile.N && other.W > tile.W && string(wider[:len(data)]) != string(data):
			return "is not the beginning of the wider tile in the same place"
		case other.L == tile.L+1 && tile.W == 1<<tile.H && tile.N>>tile.H == other.N:
			if i := int(tile.N & (1<<tile.H - 1)); i < other.W && string(root(data)) != string(wider[i*tlog.HashSize:(i+1)*tlog.HashSize]) {
				return "is not the tile that the one above it tells of"
			}
		}
	}
	return ""
}

// root returns the hash over a full tile.
func root(data []byte) []byte {
	for len(data) > tlog.HashSize {
		var above []byte
		for i := 0; i < len(data); i += 2 * tlog.HashSize {
			h := tlog.NodeHash(tlog.Hash(data[i:i+tlog.HashSize]), tlog.Hash(data[i+tlog.HashSize:i+2*tlog.HashSize]))
			above = append(above, h[:]...)
		}
		data = above
	}
	return data
}
