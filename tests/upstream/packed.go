package upstream

import "sync"

// contents is all that the archives of a toolchain depend on.
type contents struct {
	key             string // "1.22.6.linux-amd64"
	padding, shared int    // as in Config
}

// The archives of toolchains, by contents, and the digests of the zips. Packing them takes longer than all else that a server does, and the
// tests of one process start hundreds of servers of the same toolchains. Nobody writes into them: tests get copies.
var zips, digests, tarballs sync.Map

// once returns what make makes for c, which is called for the first of all that ask.
func once[T any](made *sync.Map, c contents, make func(contents) T) T {
	f, ok := made.Load(c)
	if !ok {
		f, _ = made.LoadOrStore(c, sync.OnceValue(func() T { return make(c) }))
	}
	return f.(func() T)()
}

// files returns the files of the toolchain, named as in its module zip without the prefix.
func (c contents) files() map[string][]byte {
	files := Files(c.key, c.padding)
	if c.shared > 0 {
		files["src/shared.bin"] = noise("shared", c.shared)
	}
	return files
}

// zip returns the module zip, hash its h1 digest.
func (c contents) zip() []byte {
	return once(&zips, c, func(c contents) []byte { return ZipFiles(module+"@v0.0.1-go"+c.key+"/", c.files()) })
}

func (c contents) hash() string {
	return once(&digests, c, func(c contents) string { return HashZip(c.zip()) })
}

// tarball returns the archive that go.dev would serve.
func (c contents) tarball() []byte { return once(&tarballs, c, packTarball) }
