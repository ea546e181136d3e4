package upstream

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	mod "golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/tlog"
)

// WriteMirror writes a module proxy for file:// URLs to dir: the toolchains named by keys
// ("1.22.6.linux-amd64"; nil is all of them) and, if withDatabase, all of the checksum database that
// their verification needs.
func (s *Server) WriteMirror(dir string, keys []string, withDatabase bool) error {
	listed, unlisted := s.toolchains()
	if keys == nil {
		keys = slices.Concat(listed, unlisted)
	}
	w := writer{dir: dir}
	var list []byte
	for _, key := range keys {
		if slices.Contains(listed, key) {
			list = append(list, "v0.0.1-go"+key+"\n"...)
		}
		for _, ext := range []string{".zip", ".info", ".mod"} {
			_, body := s.file("v0.0.1-go" + key + ext)
			w.write(module+"/@v/v0.0.1-go"+key+ext, body)
		}
	}
	w.write(module+"/@v/list", list)
	if withDatabase {
		s.writeDatabase(&w, keys)
	}
	return w.err
}

func (s *Server) writeDatabase(w *writer, keys []string) {
	base := "sumdb/" + Host + "/"
	ctx := context.Background()
	for _, key := range keys {
		s.log.mustKnow(module, "v0.0.1-go"+key)
	}
	head, err := s.log.Signed(ctx)
	w.keep(err)
	for _, key := range keys {
		id, err := s.log.Lookup(ctx, mod.Version{Path: module, Version: "v0.0.1-go" + key})
		w.keep(err)
		records, err := s.log.ReadRecords(ctx, id, 1)
		w.keep(err)
		if w.err != nil {
			return
		}
		msg, err := tlog.FormatRecord(id, records[0])
		w.keep(err)
		w.write(base+"lookup/"+module+"@v0.0.1-go"+key, append(msg, head...))
	}
	w.write(base+"supported", nil)
	w.write(base+"latest", head)
	for _, t := range tlog.NewTiles(8, 0, int64(len(s.log.records))) {
		data, err := s.log.ReadTileData(ctx, t)
		w.keep(err)
		w.write(base+t.Path(), data)
	}
}

// writer writes files below dir until the first error, which it keeps.
type writer struct {
	dir string
	err error
}

func (w *writer) keep(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) write(name string, data []byte) {
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	w.keep(os.MkdirAll(filepath.Dir(path), 0o755))
	w.keep(os.WriteFile(path, data, 0o644))
}
