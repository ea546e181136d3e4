package doctor

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

var disksProbe = Probe{
	Name: "disks", About: "mounts that execute nothing or take no writes; full disks, inodes and quotas",
	Kinds: []Kind{
		{"mount-noexec", "a directory from which programs have to be started is on a mount that starts none"},
		{"mount-readonly", "a directory that has to be written is on a mount for reading only"},
		{"disk-full", "a disk has less room than a toolchain needs"},
		{"inodes-full", "a disk has fewer inodes than a toolchain needs"},
		{"temporary-missing", "there is no directory for temporary files, or it cannot be written"},
		{"quota-exceeded", "the user's quota is exceeded"},
	},
	run: func(ctx context.Context, h *Host) []Finding {
		return slices.Concat(h.mounts(ctx), h.temporary(), h.quota(ctx))
	},
}

// A Go toolchain takes 260 MB in 15,000 files.
const (
	bytesScarce  = 1 << 30
	bytesNone    = 64 << 20
	inodesScarce = 20_000
	inodesNone   = 2_000
)

// space is a directory that tools need.
type space struct {
	dir      string
	what     string
	executes bool   // programs are started from it
	instead  string // command that makes another directory serve
}

// spaces returns the directories that have to be written, or to be executed from. Since Go 1.24 that is also the build cache, from
// which go run starts what it built before.
func (h *Host) spaces() []space {
	var list []space
	if h.Root != "" {
		list = append(list, space{h.Root, "the store", true, "export GOSTORE_ROOT=DIR # with DIR on another disk"})
	}
	temp := h.tempDir()
	instead := "export TMPDIR=DIR # with DIR on another disk"
	if dir := effective(h.settings("GOTMPDIR")); h.wants("go") && filepath.IsAbs(dir) {
		list = append(list, space{dir, "GOTMPDIR", true, "go env -w GOTMPDIR=DIR # with DIR on another disk"})
	} else if h.wants("go") {
		instead = "mkdir -p ~/.cache/go-tmp && go env -w GOTMPDIR=$HOME/.cache/go-tmp"
	}
	list = append(list, space{temp, "the directory for temporary files", h.wants("go") && instead[0] == 'm', instead})
	if dir := effective(h.settings("GOCACHE")); h.wants("go") && filepath.IsAbs(dir) {
		list = append(list, space{dir, "GOCACHE", true, "go env -w GOCACHE=DIR # with DIR on another disk"})
	} else if h.wants("go") && h.home() != "" {
		list = append(list, space{filepath.Join(h.home(), ".cache", "go-build"), "GOCACHE", true, "go env -w GOCACHE=DIR # with DIR on another disk"})
	}
	return list
}

// tempDir returns where programs put temporary files.
func (h *Host) tempDir() string { return cmp.Or(h.getenv("TMPDIR"), "/tmp") }

// temporary looks at the directory for temporary files, which a job or another user's session may have taken along.
func (h *Host) temporary() []Finding {
	dir := h.tempDir()
	settings := h.settings("TMPDIR")
	f := Finding{ID: "temporary-missing", Severity: Problem, Subject: "TMPDIR", Evidence: evidence(settings), Mend: append(mends(settings), "mkdir -p "+quote(dir))}
	info, err := os.Stat(dir)
	switch {
	case h.Etc == "":
		return nil // nothing of the machine is known
	case err != nil:
		f.Evidence = append(f.Evidence, err.Error())
	case !info.IsDir():
		f.Evidence = append(f.Evidence, h.short(dir)+" is no directory")
	case h.UID != 0 && sys.Access(dir, unix.W_OK) != nil:
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s has mode %v", h.short(dir), info.Mode()))
		f.Mend = append(mends(settings), "export TMPDIR=DIR # with DIR that is yours")
	default:
		return nil
	}
	f.Title = fmt.Sprintf("no temporary files can be made in %s: compilers, go build among them, stop", h.short(dir))
	return []Finding{f}
}

// existing returns dir, or the nearest directory above it that is there.
func existing(dir string) string {
	for !exists(dir) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	return dir
}

func (h *Host) mounts(ctx context.Context) []Finding {
	if h.Statfs == nil {
		return nil
	}
	var found []Finding
	full := map[uint64]bool{} // disks that were spoken of
	for _, s := range h.spaces() {
		fs, err := h.Statfs(existing(s.dir))
		if err != nil {
			continue // what cannot be looked at is for the store's probe
		}
		m, _ := h.mountOf(existing(s.dir))
		if fs.NoExec || m.has("noexec") {
			found = append(found, h.noexec(s, m)...)
		}
		if fs.ReadOnly || m.has("ro") {
			found = append(found, Finding{
				ID: "mount-readonly", Severity: Problem, Subject: s.dir, Evidence: m.evidence(),
				Title: fmt.Sprintf("%s, %s, cannot be written: its mount is for reading only", s.what, h.short(s.dir)), Mend: []string{s.instead, "# or: mount -o remount,rw " + quote(m.point)},
			})
		}
		if !full[fs.Device] {
			found = append(found, h.room(ctx, s, fs)...)
		}
		full[fs.Device] = true
	}
	return found
}

func (h *Host) noexec(s space, m mount) []Finding {
	if !s.executes {
		return nil
	}
	why := "its tools do not start: \"permission denied\""
	if s.what != "the store" {
		why = "go run and go test build there what they start: \"permission denied\""
	}
	return []Finding{{
		ID: "mount-noexec", Severity: Problem, Subject: s.dir, Evidence: m.evidence(),
		Title: fmt.Sprintf("%s, %s, is on a mount with noexec: %s", s.what, h.short(s.dir), why), Mend: []string{s.instead},
	}}
}

// room looks at how much is left on a disk.
func (h *Host) room(ctx context.Context, s space, fs Filesystem) []Finding {
	var found []Finding
	say := func(id string, worst bool, title, evidence string) {
		f := Finding{ID: id, Severity: Warning, Subject: s.dir, Title: title, Evidence: []string{evidence}}
		if worst {
			f.Severity = Problem
		}
		f.Mend = []string{s.instead}
		if s.what == "the store" {
			f.Evidence = append(f.Evidence, h.gain(ctx)...)
			f.Mend = []string{"gostore gc", "# what keeps the rest: gostore roots"}
		}
		found = append(found, f)
	}
	if fs.Free < bytesNone || fs.Free < bytesScarce && fs.Free < fs.Size/4 {
		say("disk-full", fs.Free < bytesNone, fmt.Sprintf("the disk of %s, %s, has little room left: a Go toolchain takes 260 MB", s.what, h.short(s.dir)),
			fmt.Sprintf("%s of %s are free", amount(fs.Free), amount(fs.Size)))
	}
	if fs.Inodes > 0 && fs.FreeNodes < inodesScarce {
		say("inodes-full", fs.FreeNodes < inodesNone, fmt.Sprintf("the disk of %s, %s, has few inodes left: a Go toolchain has 15,000 files", s.what, h.short(s.dir)),
			fmt.Sprintf("%d of %d inodes are free", fs.FreeNodes, fs.Inodes))
	}
	return found
}

// gain says what a collection would give back.
func (h *Host) gain(ctx context.Context) []string {
	if h.Kept == nil {
		return nil
	}
	kept, err := h.Kept(ctx)
	if err != nil || kept.Dead+kept.Leftovers == 0 {
		return nil
	}
	return []string{fmt.Sprintf("gostore gc would remove objects of %s, and %s that interrupted work left", amount(kept.Dead), amount(kept.Leftovers))}
}

// amount writes a number of bytes for people.
func amount(n int64) string {
	v, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if v < 1024 {
			break
		}
		v, unit = v/1024, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

// quotaLimit is how long the command quota may take: it asks the servers of network file systems.
const quotaLimit = 5 * time.Second

// quota asks the command quota, where there is one, whether the user is over a limit.
func (h *Host) quota(ctx context.Context) []Finding {
	hits := h.onPath("quota")
	if h.Run == nil || len(hits) == 0 {
		return nil
	}
	out, err := h.Run(ctx, quotaLimit, h.Environ, hits[0].path, "-q")
	text := strings.TrimSpace(out.Stdout)
	if err != nil || out.Late || text == "" {
		return nil
	}
	return []Finding{{
		ID: "quota-exceeded", Severity: Warning, Subject: "quota", Evidence: few(strings.Split(text, "\n")),
		Title: "the quota on a disk is exceeded: writes fail with \"disk quota exceeded\" though there is room", Mend: []string{"gostore gc"},
	}}
}

// mount is a line of /proc/mounts.
type mount struct {
	device, point, kind string
	options             []string
}

func (m mount) has(option string) bool { return slices.Contains(m.options, option) }

func (m mount) evidence() []string {
	if m.point == "" {
		return []string{"as statfs says"}
	}
	return []string{fmt.Sprintf("%s on %s, type %s (%s)", m.device, m.point, m.kind, strings.Join(m.options, ","))}
}

// mountOf returns the mount that a path is on: the longest that fits, of equal ones the last, which covers the others.
func (h *Host) mountOf(path string) (mount, bool) {
	path = realPath(path)
	var best mount
	for _, m := range parseMounts(string(h.Mounts)) {
		inside := m.point == "/" || path == m.point || strings.HasPrefix(path, m.point+"/")
		if inside && len(m.point) >= len(best.point) {
			best = m
		}
	}
	return best, best.point != ""
}

// parseMounts reads the text of /proc/mounts, in which spaces, tabs, newlines and backslashes of names are written as \040 and so on.
func parseMounts(text string) []mount {
	plain := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var list []mount
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 4 {
			continue
		}
		list = append(list, mount{plain.Replace(words[0]), plain.Replace(words[1]), words[2], strings.Split(words[3], ",")})
	}
	return list
}
