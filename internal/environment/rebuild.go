package environment

import (
	"fmt"

	"gostore/internal/digest"
	"gostore/store"
)

// Rebuild gives the files that the environment of tools consists of, its links left out, to give, as Build writes them. It
// makes no object: it is for putting a damaged one right.
func Rebuild(st *store.Store, tools []Tool, give func(path string, exec bool, data []byte) error) error {
	e := newEnvironment(tools)
	bases := make(map[digest.Tree]string, len(e.Tools))
	for _, t := range e.Tools {
		o, err := st.Lookup(t.Tree)
		if err != nil {
			return fmt.Errorf("rebuilding an environment with %s: %w", t, err)
		}
		bases[t.Tree] = o.Base()
	}
	files, err := e.files()
	if err != nil {
		return err
	}
	commands, err := e.commands(st)
	if err != nil {
		return err
	}
	return fill(filesOnly(give), e.Tools, files, commands, bases)
}

// filesOnly is a sink that takes files.
type filesOnly func(path string, exec bool, data []byte) error

func (filesOnly) Dir(string) error { return nil }

func (f filesOnly) File(path string, exec bool, data []byte) error { return f(path, exec, data) }

func (filesOnly) Link(string, string) error { return nil }
