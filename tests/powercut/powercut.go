// Package powercut is a disk that loses power: it is told, one after another, the operations that programs made on a real
// one, and says what may be found afterwards, had the power failed in between.
//
// # The model
//
// What an operation does is taken apart into effects. An effect is durable from the sync on that covers it; until then
// it is on the disk or is not, whatever became of every other. So effects reach the disk in any order, and any number of them may
// be missing. The rules are weaker than what any file system in use on Linux does, so that nothing depends on which one it is:
//
//   - The bytes of a file, its size, its mode and its time are different effects. A size without bytes reads as zeroes, bytes
//     beyond the size are not there. A write is two effects of each kind, halved between sectors where it is long enough.
//   - A sector is written as it was at some instant: with what was written to it up to then, and nothing of what came later.
//   - Each name in a directory is an effect, independent of all others; what becomes of a file's name says nothing of what becomes of
//     its bytes. A rename takes the old name away and makes the new one, or does neither; of two renames of one thing the
//     later is not on the disk without the earlier.
//   - A new file is there with its first name, empty, with the mode that it was made with. A symbolic link has its target
//     with its name: it is part of the inode or goes through the journal.
//   - fsync of a file makes its bytes, size, mode and time durable, and no name of it. fdatasync makes its bytes and its size durable.
//   - fsync of a directory makes the names in it durable, not its own name, nor what is in the files.
//   - syncfs makes all durable that was done before.
//   - Nothing that was not synced becomes durable by the passing of time.
//
// What it does not simulate: sectors that are lost or changed after they were synced, and blocks of other files that show
// up in place of zeroes (ext4 with data=writeback and without delayed allocation).
//
// That a name reaches the disk without the bytes of its file was seen on ext4 and btrfs, that bytes appended are lost while the
// size is not on ext4 with data=writeback and XFS, that operations in one directory and in several are reordered on
// btrfs and others (Pillai and others, "All File Systems Are Not Created Equal", OSDI 2014); fsync(2) says that
// a file's name needs an fsync of its directory.
package powercut

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Sector is how many bytes a disk writes or does not write.
const Sector = 512

// Kind says what an operation does.
type Kind string

// The kinds of operations.
const (
	Create   Kind = "create"   // a file Path of Mode, which is Ino from now on
	Mkdir    Kind = "mkdir"    // a directory Path of Mode, likewise
	Symlink  Kind = "symlink"  // Path leads to Target
	Link     Kind = "link"     // Path is another name of From
	Rename   Kind = "rename"   // From becomes Path
	Unlink   Kind = "unlink"   // Path, which may be an empty directory, goes
	Write    Kind = "write"    // Data at Offset of Ino
	Truncate Kind = "truncate" // Ino is Size bytes long
	Chmod    Kind = "chmod"    // Mode of Path, or of Ino where Path is ""
	Times    Kind = "times"    // Time of Path, or of Ino where Path is ""
	Fsync    Kind = "fsync"    // of Ino
	Datasync Kind = "fdatasync"
	Syncfs   Kind = "syncfs"
)

// Op is one operation that succeeded. Paths are relative to the directory that the disk was read from.
type Op struct {
	Kind               Kind
	Path, From, Target string `json:",omitempty"`
	Ino                uint64 `json:",omitempty"`
	Offset, Size       int64  `json:",omitempty"`
	Data               []byte `json:",omitempty"`
	Mode               uint32 `json:",omitempty"`
	Time               int64  `json:",omitempty"` // of modification, in nanoseconds
	Note               int64  `json:",omitempty"` // whatever the recorder wants to remember
}

func (o Op) String() string {
	what := cmp.Or(o.Path, fmt.Sprintf("inode %d", o.Ino))
	if o.Kind == Write {
		what += fmt.Sprintf(", %d bytes at %d", len(o.Data), o.Offset)
	}
	return string(o.Kind) + " " + what
}

// node is a file, directory or link. What is in it is what it was when the disk was read, or made.
type node struct {
	kind   fs.FileMode // type bits
	mode   uint32
	time   int64
	target string
	data   []byte
	names  map[string]*node // of a directory, when the disk was read
	now    map[string]*node // of a directory, after all operations
	size   int64            // of a file, after all operations
	// effects are those on the bytes, size, mode and time of the node, by their number.
	effects []int
}

// effect is what reaches the disk or does not.
type effect struct {
	kind   effectKind
	op     int // that made it
	synced int // the operation that made it durable
	node   *node
	names  []naming // of a name, two for a rename
	offset int64
	data   []byte
	size   int64
	value  int64 // mode or time
}

type effectKind int

const (
	aName effectKind = iota
	someBytes
	aSize
	aCut // bytes and size, of a truncation
	aMode
	aTime
)

// naming is what a name in a directory becomes.
type naming struct {
	dir  *node
	name string
	to   *node // nil for nothing
}

// never is the operation that makes durable what no operation did.
const never = 1 << 40

// Disk is what is known of a disk. All that it held when it was read is durable.
type Disk struct {
	Ops     []Op // that were applied; long writes are halved
	root    *node
	effects []effect
	inodes  map[uint64]*node
	renames map[*node]int // the last rename of a node
	before  map[int]int   // the rename of the same node that must be there too
	sums    sums
}

// Read reads the disk from those of names that are in dir.
func Read(dir string, names ...string) (*Disk, error) {
	d := &Disk{inodes: map[uint64]*node{}, renames: map[*node]int{}, before: map[int]int{}}
	top, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	d.root = &node{kind: fs.ModeDir, mode: 0o755, names: map[string]*node{}}
	d.inodes[top.Sys().(*syscall.Stat_t).Ino] = d.root
	for _, name := range names {
		n, err := d.read(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		d.root.names[name] = n
	}
	d.root.begin()
	return d, nil
}

// begin makes what there is now what was read.
func (n *node) begin() {
	n.size = int64(len(n.data))
	if n.kind != fs.ModeDir {
		return
	}
	n.now = map[string]*node{}
	for name, child := range n.names {
		n.now[name] = child
		child.begin()
	}
}

func (d *Disk) read(name string) (*node, error) {
	fi, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	ino := fi.Sys().(*syscall.Stat_t).Ino
	if n := d.inodes[ino]; n != nil {
		return n, nil
	}
	n := &node{kind: fi.Mode().Type(), mode: uint32(fi.Mode().Perm()), time: fi.ModTime().UnixNano()}
	d.inodes[ino] = n
	switch n.kind {
	case 0:
		n.data, err = os.ReadFile(name)
	case fs.ModeSymlink:
		n.target, err = os.Readlink(name)
	case fs.ModeDir:
		n.names = map[string]*node{}
		var entries []fs.DirEntry
		entries, err = os.ReadDir(name)
		for _, e := range entries {
			child, childErr := d.read(filepath.Join(name, e.Name()))
			if childErr != nil {
				return nil, childErr
			}
			n.names[e.Name()] = child
		}
	default:
		err = fmt.Errorf("%q is of a kind that is not simulated: %v", name, n.kind)
	}
	return n, err
}

// find returns what a path names now, and where the name is.
func (d *Disk) find(name string) (dir *node, base string, n *node, err error) {
	dir = d.root
	elements := strings.Split(path.Clean(name), "/")
	for _, element := range elements[:len(elements)-1] {
		dir = dir.now[element]
		if dir == nil || dir.now == nil {
			return nil, "", nil, fmt.Errorf("%q: no directory %q is known", name, element)
		}
	}
	base = elements[len(elements)-1]
	return dir, base, dir.now[base], nil
}

// Apply is told the next operation. What it refers to and is not known is an error: then the record is not whole.
func (d *Disk) Apply(op Op) error {
	if op.Kind == Write && len(op.Data) > 1 {
		// The middle, between sectors where one is near.
		half := int64(len(op.Data) / 2)
		if aligned := (op.Offset + half) / Sector * Sector; aligned > op.Offset {
			half = aligned - op.Offset
		}
		first, second := op, op
		first.Data, second.Data = op.Data[:half], op.Data[half:]
		second.Offset += half
		if err := d.apply(first); err != nil {
			return err
		}
		op = second
	}
	return d.apply(op)
}

func (d *Disk) apply(op Op) error {
	d.Ops = append(d.Ops, op)
	err := d.perform(op)
	if err != nil {
		return fmt.Errorf("operation %d, %s: %w", len(d.Ops), op, err)
	}
	return nil
}

func (d *Disk) perform(op Op) error {
	switch op.Kind {
	case Create, Mkdir, Symlink, Link, Rename, Unlink:
		return d.name(op)
	case Syncfs:
		for i := range d.effects {
			d.sync(i)
		}
		return nil
	}
	n := d.inodes[op.Ino]
	if op.Path != "" {
		var err error
		if _, _, n, err = d.find(op.Path); err != nil {
			return err
		}
	}
	if n == nil {
		return fs.ErrNotExist
	}
	switch op.Kind {
	case Write:
		d.add(effect{kind: someBytes, node: n, offset: op.Offset, data: op.Data})
		if end := op.Offset + int64(len(op.Data)); end > n.size {
			d.add(effect{kind: aSize, node: n, size: end})
		}
	case Truncate:
		kind := aCut
		if op.Size > n.size {
			kind = aSize
		}
		d.add(effect{kind: kind, node: n, size: op.Size})
	case Chmod:
		d.add(effect{kind: aMode, node: n, value: int64(op.Mode)})
	case Times:
		d.add(effect{kind: aTime, node: n, value: op.Time})
	case Fsync, Datasync:
		d.syncNode(n, op.Kind == Datasync)
	default:
		return fmt.Errorf("an operation of kind %q", op.Kind)
	}
	return nil
}

// name performs an operation on names.
func (d *Disk) name(op Op) error {
	dir, base, old, err := d.find(op.Path)
	if err != nil {
		return err
	}
	var names []naming
	n := &node{kind: 0, mode: op.Mode, target: op.Target}
	switch op.Kind {
	case Mkdir:
		n.kind, n.now = fs.ModeDir, map[string]*node{}
	case Symlink:
		n.kind = fs.ModeSymlink
	case Unlink:
		if old == nil {
			return fs.ErrNotExist
		}
		n = nil
	case Link, Rename:
		fromDir, fromBase, from, err := d.find(op.From)
		if err != nil || from == nil {
			return fmt.Errorf("%q: %w", op.From, cmp.Or(err, fs.ErrNotExist))
		}
		if n = from; op.Kind == Rename {
			names = append(names, naming{fromDir, fromBase, nil})
		}
	}
	if op.Ino != 0 {
		d.inodes[op.Ino] = n
	}
	d.add(effect{kind: aName, node: n, names: append(names, naming{dir, base, n})})
	if op.Kind == Rename {
		last := len(d.effects) - 1
		if earlier, ok := d.renames[n]; ok {
			d.before[last] = earlier
		}
		d.renames[n] = last
	}
	return nil
}

// add adds an effect of the last operation and performs it.
func (d *Disk) add(e effect) {
	e.op, e.synced = len(d.Ops), never
	d.effects = append(d.effects, e)
	switch e.kind {
	case aName:
		for _, naming := range e.names {
			naming.apply(naming.dir.now)
		}
		return
	case aSize, aCut:
		e.node.size = e.size
	}
	e.node.effects = append(e.node.effects, len(d.effects)-1)
}

func (n naming) apply(names map[string]*node) {
	if n.to == nil {
		delete(names, n.name)
		return
	}
	names[n.name] = n.to
}

// sync makes an effect durable.
func (d *Disk) sync(i int) {
	d.effects[i].synced = min(d.effects[i].synced, len(d.Ops))
}

func (d *Disk) syncNode(n *node, dataOnly bool) {
	for _, i := range n.effects {
		if kind := d.effects[i].kind; !dataOnly || kind != aMode && kind != aTime {
			d.sync(i)
		}
	}
	if n.kind != fs.ModeDir {
		return
	}
	for i, e := range d.effects {
		if e.kind == aName && slices.ContainsFunc(e.names, func(name naming) bool { return name.dir == n }) {
			d.sync(i)
		}
	}
}
