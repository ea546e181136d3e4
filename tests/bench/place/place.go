// Package place makes the file systems that the benchmark runs on, and says what the machine is.
//
// Figures of different machines, and of one machine on different days, differ by the file system more than by anything else: ext4
// without a journal takes several times longer to create files after others were deleted. So a privileged user gets a journalled
// ext4 in an image of its own, whatever the disk has, and a tmpfs, where syncing costs nothing.
package place

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Place is a directory on a known file system.
type Place struct {
	Dir  string
	Kind string // for people: "ext4 with a journal, in an image"
	undo func() error
}

// Close takes the place away, with everything in it.
func (p *Place) Close() error {
	if p.undo == nil {
		return nil
	}
	return p.undo()
}

// Ext4 makes a journalled ext4 in an image in dir, for so many bytes and inodes. The image takes only what is written to it. Closing the
// place unmounts and removes it. It needs Linux, root and e2fsprogs.
func Ext4(ctx context.Context, dir string, bytes int64, inodes int) (*Place, error) {
	image, mount := filepath.Join(dir, "ext4.img"), filepath.Join(dir, "ext4")
	if err := os.Mkdir(mount, 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(image)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := file.Truncate(bytes); err != nil {
		return nil, err
	}
	// Laying out the tables and the journal now keeps the kernel from doing it while something is measured.
	if err := run(ctx, "mkfs.ext4", "-q", "-F", "-N", strconv.Itoa(inodes), "-O", "has_journal", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", image); err != nil {
		return nil, err
	}
	if err := run(ctx, "mount", "-o", "loop,noatime", image, mount); err != nil {
		return nil, err
	}
	return &Place{Dir: mount, Kind: "ext4 with a journal, in an image", undo: func() error {
		if err := unmount(mount); err != nil {
			return err
		}
		return os.Remove(image)
	}}, nil
}

// Tmpfs mounts a tmpfs in dir. Closing the place unmounts it. It needs Linux and root.
func Tmpfs(ctx context.Context, dir string) (*Place, error) {
	mount := filepath.Join(dir, "tmpfs")
	if err := os.Mkdir(mount, 0o755); err != nil {
		return nil, err
	}
	if err := run(ctx, "mount", "-t", "tmpfs", "-o", "size=60%,nr_inodes=0", "tmpfs", mount); err != nil {
		return nil, err
	}
	return &Place{Dir: mount, Kind: "tmpfs", undo: func() error { return unmount(mount) }}, nil
}

// Plain returns a directory as it is.
func Plain(ctx context.Context, dir string) *Place {
	kind := "the file system of the directory that was given"
	if out, err := exec.CommandContext(ctx, "findmnt", "-n", "-o", "FSTYPE", "-T", dir).Output(); err == nil {
		kind = strings.TrimSpace(string(out)) + ", as it was there"
	}
	return &Place{Dir: dir, Kind: kind}
}

// unmount unmounts a directory. It has no context: it must happen after an interrupt too. A program that was killed a moment ago may keep the file
// system busy while it ends.
func unmount(dir string) error {
	var err error
	for range 20 {
		if err = run(context.Background(), "umount", dir); err == nil {
			return os.Remove(dir)
		}
		time.Sleep(250 * time.Millisecond)
	}
	return fmt.Errorf("%q stays mounted: %w", dir, err)
}

func run(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
