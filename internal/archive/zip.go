package archive

import (
	"bufio"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"gostore/internal/inflate"
	"gostore/internal/tree"
)

// zipPlan is what a zip becomes: for each member where it goes.
type zipPlan struct {
	layout  *layout
	members []member
	paths   []string // of members, as in the archive
	top     string   // left out of all paths
}

// zip unpacks a zip. Structure, names and links are judged before anything is written.
func (u *unpacking) zip(ctx context.Context) error {
	z, err := u.planZip(ctx)
	if err != nil {
		return err
	}
	if err := z.readLinks(ctx, u.r); err != nil {
		return err
	}
	if err := z.layout.finish(); err != nil {
		return err
	}
	if !u.opt.KeepTop {
		z.top = z.commonTop()
	}
	if err := z.layout.checkLinks(z.top); err != nil {
		return err
	}
	for i, m := range z.members {
		if m.kind == tree.Dir && z.paths[i] != "" && z.paths[i] != z.top {
			if err := u.sink.Dir(below(z.top, z.paths[i])); err != nil {
				return err
			}
		}
	}
	if err := u.zipFiles(ctx, z); err != nil {
		return err
	}
	return z.layout.finishSink(ctx, u.sink, z.top)
}

// planZip reads the structure and checks the names.
func (u *unpacking) planZip(ctx context.Context) (*zipPlan, error) {
	members, err := readZipRules(ctx, u.r, u.size, u.opt.Limits, zipRules{general: true, known: !u.opt.Want.IsZero()})
	if err != nil {
		return nil, err
	}
	z := &zipPlan{layout: newLayout(u.opt.Limits), members: members, paths: make([]string, len(members))}
	for i, m := range members {
		path, err := z.layout.path(m.name, m.kind == tree.Dir)
		if err != nil {
			return nil, err
		}
		z.paths[i] = path
		switch {
		case path == "" || m.kind == tree.Link:
			err = nil
		case m.kind == tree.Dir:
			err = z.layout.add(m.name, path, tree.Dir)
		default:
			err = z.layout.file(m.name, path, m.kind == tree.Exec, m.size)
		}
		if err != nil {
			return nil, err
		}
	}
	return z, nil
}

// readLinks reads the targets of symbolic links, which are their contents, and sees to it that directories have none.
func (z *zipPlan) readLinks(ctx context.Context, r io.ReaderAt) error {
	targets := map[int]string{}
	var links []member
	var at []int
	for i, m := range z.members {
		if m.kind == tree.Link || m.kind == tree.Dir && m.packed > 0 {
			links, at = append(links, m), append(at, i)
		}
	}
	var mu sync.Mutex
	_, err := readMembers(ctx, r, links, 1, func(i int, data []byte) error {
		mu.Lock()
		defer mu.Unlock()
		targets[at[i]] = string(data)
		return nil
	})
	if err != nil {
		return err
	}
	for _, i := range at {
		if z.members[i].kind == tree.Dir {
			continue
		}
		if err := z.layout.link(z.members[i].name, z.paths[i], targets[i]); err != nil {
			return err
		}
	}
	return nil
}

// commonTop returns the directory that holds everything, or "".
func (z *zipPlan) commonTop() string {
	p := placing{}
	for i, path := range z.paths {
		if path == "" {
			continue
		}
		if p.put(path, z.members[i].kind == tree.Dir); p.decided {
			return ""
		}
	}
	return p.top
}

// zipFiles writes the files: those that fit into a buffer several at once, and beside them the others one after
// the other.
func (u *unpacking) zipFiles(ctx context.Context, z *zipPlan) error {
	var small, large []member
	var paths []string // of small
	for i, m := range z.members {
		switch {
		case m.kind == tree.Dir || m.kind == tree.Link:
		case m.size > largeBuffer:
			large = append(large, m)
			large[len(large)-1].path = below(z.top, z.paths[i])
		default:
			small, paths = append(small, m), append(paths, below(z.top, z.paths[i]))
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := readMembers(ctx, u.r, small, u.sink.Workers(), func(i int, data []byte) error {
			m := small[i]
			exec := m.kind == tree.Exec || !m.unix && isProgram(data)
			if err := u.sink.File(paths[i], exec, data); err != nil {
				return err
			}
			u.progress(int64(len(data)))
			return nil
		})
		return err
	})
	group.Go(func() error {
		slices.SortStableFunc(large, func(a, b member) int { return int(b.size>>10 - a.size>>10) })
		for _, m := range large {
			if err := u.zipStream(ctx, m); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// zipStream writes a large member.
func (u *unpacking) zipStream(ctx context.Context, m member) error {
	c := newContent(ctx, u.r, m)
	r := bufio.NewReaderSize(c, chunk)
	head, err := r.Peek(headSize)
	if err == nil || c.err == nil {
		exec := m.kind == tree.Exec || !m.unix && isProgram(head)
		err = u.sink.Stream(m.path, exec, &counted{r: r, limit: m.size, progress: u.progress})
	}
	if c.err != nil {
		return c.err
	}
	return err
}

// content reads the content of a member and checks it against the size and CRC that its headers state. It
// remembers its error, so that it can be told from one of the sink that reads it.
type content struct {
	m      member
	source span
	packed *inflate.Reader // reads source; nil where the content is stored
	r      io.Reader       // the content
	n      int64
	crc    uint32
	err    error // other than io.EOF
}

func newContent(ctx context.Context, r io.ReaderAt, m member) *content {
	c := &content{m: m, source: span{ctx: ctx, r: r, offset: m.data, left: m.packed}}
	if c.r = &c.source; m.deflated {
		c.packed = inflate.NewReader(&c.source)
		c.r = c.packed
	}
	return c
}

func (c *content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.crc = crc32.Update(c.crc, crc32.IEEETable, p[:n])
	if err != nil || c.n > c.m.size {
		if c.err = c.check(err); c.err != nil {
			return 0, c.err
		}
	}
	return n, err
}

// check says what is wrong at the end of the content, which ended with err.
func (c *content) check(err error) error {
	m := c.m
	switch {
	case c.source.err != nil:
		return c.source.err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(m.name, "content is cut off")
	case err != nil && err != io.EOF:
		return refuse(m.name, "content is damaged: %v", err)
	case c.n > m.size:
		return refuse(m.name, "has more than the %d bytes that it states", m.size)
	case c.n < m.size:
		return refuse(m.name, "has only %d of the %d bytes that it states", c.n, m.size)
	case c.rest() > 0:
		return refuse(m.name, "has bytes after its packed content")
	case c.crc != m.crc:
		return refuse(m.name, "has CRC %08x, its header states %08x", c.crc, m.crc)
	}
	return nil
}

// rest returns how many packed bytes no content came of.
func (c *content) rest() int64 {
	if c.packed == nil {
		return c.source.left
	}
	return c.source.left + int64(len(c.packed.Rest()))
}
