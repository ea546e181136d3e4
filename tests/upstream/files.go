package upstream

import (
	"io/fs"
	"os"
	"path"
)

// plain returns a file of Config.Files. For a directory it is its file "index": an address that other addresses begin with, such as that
// of an npm package, has to be served as well.
func (s *Server) plain(name string) ([]byte, error) {
	if s.config.Files == "" {
		return nil, fs.ErrNotExist
	}
	dir, err := os.OpenRoot(s.config.Files)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if info, err := dir.Stat(name); err == nil && info.IsDir() {
		name = path.Join(name, "index")
	}
	return dir.ReadFile(name)
}
