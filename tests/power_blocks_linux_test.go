package tests

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// blockSeeds is how many random choices are tried at each cut.
const blockSeeds = 2

// TestPowerCutBlocks takes the power away from a real file system: gostore works on one that stands on a disk which notes every
// write and every flush (recorder). Then the disk is made as it may have been when the power failed: with all that was written before
// the last flush, and of what was written after it with nothing, everything, or a random choice. The file system is mounted,
// which replays its journal, and what is found is checked as in TestPowerCut.
//
// It needs root, and is a part of the long form only.
func TestPowerCutBlocks(t *testing.T) {
	if !formOf(t, powerVariable, 1).long {
		t.Skipf("a part of the long form only: %s=all", powerVariable)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount file systems")
	}
	for _, fsys := range []struct{ name, make, size, options string }{
		{"ext4", "mkfs.ext4 -q -F", "64M", ""},
		{"ext4 that orders nothing", "mkfs.ext4 -q -F", "64M", "data=writeback,"},
		{"xfs", "mkfs.xfs -q -f", "320M", ""},
		{"btrfs", "mkfs.btrfs -q -f", "128M", ""},
	} {
		t.Run(fsys.name, func(t *testing.T) {
			program, _, _ := strings.Cut(fsys.make, " ")
			if _, err := exec.LookPath(program); err != nil {
				t.Skipf("needs %s", program)
			}
			for _, c := range killings {
				if !slices.Contains([]string{"install", "lock anew", "switch", "rollback", "gc of generations"}, c.name) {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					b := &blocks{options: fsys.options}
					b.start(t, fsys.make, fsys.size, c.prepare)
					b.work(c.command)
					b.run()
				})
			}
		})
	}
}

// blocks is a command that works on a recorded disk.
type blocks struct {
	outage
	options     string
	base, image string // the disk when the command began; the disk that is tried
	at          string // where it is mounted
	events      []blockEvent
	recorder    *recorder
}

// start makes a file system, prepares a world in it, and mounts it again on a recorder.
func (b *blocks) start(t *testing.T, program, size, prepare string) {
	dir := t.TempDir()
	disk := filepath.Join(dir, "image")
	b.base, b.image, b.at = filepath.Join(dir, "base"), filepath.Join(dir, "tried"), filepath.Join(dir, "at")
	b.top = filepath.Join(b.at, "world")
	if err := os.Mkdir(b.at, 0o755); err != nil {
		t.Fatal(err)
	}
	b.host(t, fmt.Sprintf("truncate -s %s %s && %s %s", size, disk, program, disk))
	b.mount(t, disk)
	if err := os.Mkdir(b.top, 0o755); err != nil {
		t.Fatal(err)
	}
	b.world = newWorldIn(t, upstream.Config{Padding: 96 << 10}, b.top)
	b.sh(prepare)
	b.before = look(t, b.top)
	b.unmount(t)
	b.host(t, "cp --sparse=always "+disk+" "+b.base)
	b.recorder = serveDisk(t, disk)
}

// host runs a line of shell outside of the world.
func (b *blocks) host(t *testing.T, line string) {
	t.Helper()
	if out, err := exec.Command("/bin/sh", "-ec", line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

func (b *blocks) mount(t *testing.T, disk string) {
	t.Helper()
	b.host(t, "mount -o "+b.options+"loop "+disk+" "+b.at)
}

func (b *blocks) unmount(t *testing.T) {
	t.Helper()
	b.host(t, "umount "+b.at)
}

// work runs the command on the recorded disk.
func (b *blocks) work(command []string) {
	b.command, b.next = command, line(command)
	b.mount(b.t, b.recorder.path())
	defer b.unmount(b.t)
	b.served = true
	defer func() { b.served = false }()
	b.out = b.sh(b.next)
	b.events = b.recorder.recorded()
	b.after = look(b.t, b.top)
	b.sh("gostore verify")
	b.collect()
	b.final = look(b.t, b.top)
}

// flushes counts them.
func (b *blocks) flushes() int {
	n := 0
	for _, e := range b.events {
		if e.Data == nil {
			n++
		}
	}
	return n
}

// run cuts at each flush and half way between two.
func (b *blocks) run() {
	if b.flushes() == 0 {
		b.t.Fatalf("no flush among %d writes: a sync does not reach the disk, and nothing can be shown", len(b.events))
	}
	b.tally.operations = len(b.events)
	durable := 0 // events before the last flush
	for cut := range len(b.events) + 1 {
		ended, flush := cut == len(b.events), cut < len(b.events) && b.events[cut].Data == nil
		if ended || flush || (cut-durable)%8 == 4 {
			b.cut(durable, cut, ended)
		}
		if flush {
			durable = cut + 1
		}
	}
	b.t.Logf("%d flushes; %s", b.flushes(), &b.tally)
}

// cut tries what may be on the disk when the power fails after so many events, of which the first ones are durable.
func (b *blocks) cut(durable, cut int, ended bool) {
	b.try(durable, cut, ended, "nothing", func() bool { return false })
	if durable == cut {
		return
	}
	b.try(durable, cut, ended, "everything", func() bool { return true })
	for seed := range uint64(blockSeeds) {
		random := rand.New(rand.NewPCG(seed, uint64(cut)))
		b.try(durable, cut, ended, fmt.Sprintf("random choice %d", seed), func() bool { return random.IntN(2) == 0 })
	}
}

// blockSize is what of a write is on the disk or is not.
const blockSize = 4096

// try makes a disk, mounts it and looks. keep is asked for each block that was written and not flushed.
func (b *blocks) try(durable, cut int, ended bool, what string, keep func() bool) {
	b.tally.states++
	b.tally.distinct++
	b.t.Run(fmt.Sprintf("after %d of %d events, %d of them flushed; of the others: %s", cut, len(b.events), durable, what), func(t *testing.T) {
		k := *b
		w := *b.world
		w.t, k.world = t, &w
		// Another name each time: a loop device may be detached a moment after it was unmounted.
		k.image = fmt.Sprintf("%s-%d", b.image, b.tally.states)
		defer os.Remove(k.image)
		k.make(durable, cut, keep)
		k.mount(t, k.image)
		defer k.unmount(t)
		now, mended := lookAfterCut(&k.outage)
		var said traced
		if ended {
			said.Output = b.out
			k.checkEnded(now)
		}
		k.checkLeft(now, said)
		b.count(now, mended)
		b.tally.mending++
		k.checkMended()
	})
}

// make makes the disk that is tried.
func (b *blocks) make(durable, cut int, keep func() bool) {
	b.t.Helper()
	b.host(b.t, "cp --sparse=always "+b.base+" "+b.image)
	f, err := os.OpenFile(b.image, os.O_WRONLY, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	for i, e := range b.events[:cut] {
		for at := 0; at < len(e.Data); at += blockSize {
			if i >= durable && !keep() {
				continue
			}
			if _, err := f.WriteAt(e.Data[at:min(at+blockSize, len(e.Data))], e.Offset+int64(at)); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// checkEnded checks what the command had reported.
func (b *blocks) checkEnded(now sight) {
	b.t.Helper()
	if now.lock != b.after.lock {
		b.t.Errorf("the command had ended, and the lock is\n%s", now.lock)
	}
	for profile, at := range b.after.current {
		if now.current[profile] != at {
			b.t.Errorf("the command had ended, and %s is at %s", profile, now.current[profile])
		}
	}
	for _, object := range b.after.objects {
		if !slices.Contains(now.objects, object) {
			b.t.Errorf("the command had ended, and %s is lost", object)
		}
	}
}
