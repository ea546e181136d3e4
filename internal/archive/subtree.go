package archive

import "io"

// Subtree returns a sink that puts everything below the directory dir of sink. exec, unless nil, makes further files
// executable: it is asked with the path below dir. A Copy is what it is a copy of, whatever exec says.
func Subtree(sink Sink, dir string, exec func(path string) bool) Sink {
	if exec == nil {
		exec = func(string) bool { return false }
	}
	return subtree{sink, dir, exec}
}

type subtree struct {
	sink Sink
	dir  string
	exec func(path string) bool
}

// in returns where name is in sink. It joins without cleaning: what a sink refuses has to stay what it is.
func (s subtree) in(name string) string { return s.dir + "/" + name }

func (s subtree) Dir(name string) error { return s.sink.Dir(s.in(name)) }

func (s subtree) File(name string, exec bool, data []byte) error {
	return s.sink.File(s.in(name), exec || s.exec(name), data)
}

func (s subtree) Stream(name string, exec bool, r io.Reader) error {
	return s.sink.Stream(s.in(name), exec || s.exec(name), r)
}

func (s subtree) Link(name, target string) error { return s.sink.Link(s.in(name), target) }

func (s subtree) Copy(name, from string) error {
	return s.sink.Copy(s.in(name), s.in(from))
}

func (s subtree) Nest(dir string) error { return s.sink.Nest(s.in(dir)) }

func (s subtree) Workers() int { return s.sink.Workers() }
