package tests

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/blake3"

	"gostore/tests/powercut"
)

// sketch describes a state as far as a reader can tell it from others. What no reader looks into, stages, discarded objects and
// temporary files, is only there or not; of shared contents and downloads it counts which sorts there are.
func (p *outage) sketch(cut int, state *powercut.State) string {
	objects := map[string]bool{}
	lines := map[string]bool{}
	state.Walk(func(name string, e powercut.Entry) {
		if match := objectName.FindStringSubmatch(path.Base(name)); match != nil && path.Dir(name) == "root/store" {
			objects[match[1]] = true
		}
	})
	state.Walk(func(name string, e powercut.Entry) { lines[p.line(name, e, objects)] = true })
	text := slices.Sorted(func(yield func(string) bool) {
		for line := range lines {
			if !yield(line) {
				return
			}
		}
	})
	sum := sha256.Sum256([]byte(strings.Join(text, "\n")))
	if cut == p.ended {
		return "ended " + hex.EncodeToString(sum[:])
	}
	return hex.EncodeToString(sum[:])
}

// line describes what is found at a path, equal for all of which the difference does not matter.
func (p *outage) line(name string, e powercut.Entry, objects map[string]bool) string {
	elements := strings.Split(name, "/")
	for i, element := range elements {
		if hiddenTree.MatchString(element) || temporary(element) {
			return strings.Join(elements[:i], "/") + "/hidden"
		}
	}
	exact := fmt.Sprintf("%s %v %o %s %x", name, e.Type, e.Mode, e.Target, e.Sum)
	if len(elements) < 3 || elements[0] != "root" {
		return exact
	}
	switch dir := elements[1]; {
	case dir == "store":
		return fmt.Sprintf("%s %d", exact, e.Time)
	case dir == "files" && e.Type == 0:
		want, executable := strings.CutSuffix(elements[2]+elements[3], "x")
		sum := blake3.Sum256(e.Data)
		return fmt.Sprintf("files %v %v %o", hex.EncodeToString(sum[:]) == want, executable, e.Mode)
	case dir == "files":
		return "files"
	case dir == "meta":
		if digest, _, _ := strings.Cut(elements[2], "."); !objects[digest] {
			return "meta of nothing"
		}
	case dir == "index":
		if match := indexEntry.FindSubmatch(e.Data); match != nil && !objects[string(match[1])] {
			return "index to nothing"
		}
	case (dir == "sumdb" || dir == "cache") && e.Type == 0 && path.Base(name) != "latest": // tiles, proofs, versions
		return fmt.Sprintf("%s %v %v", dir, len(e.Data) == 0, bytes.Equal(p.live[name].Data, e.Data))
	case dir == "downloads" && e.Type == 0:
		was := p.live[name]
		return fmt.Sprintf("%s %v %v", name, len(e.Data) == 0, bytes.HasPrefix(was.Data, e.Data))
	}
	return exact
}

// lookAfterCut is look for a disk that lost power: what readers take for absent when it is damaged, and make again, may be damaged. It
// returns how often that is so.
func lookAfterCut(p *outage) (s sight, mended int) {
	p.t.Helper()
	c := &check{t: p.t, root: filepath.Join(p.top, "root"), outage: true, mend: func(string, ...any) { mended++ }}
	s = c.all(p.top)
	return s, mended
}

// checkCut checks the state after the power cut.
func (p *outage) checkCut(run traced, cut int, state *powercut.State) (sight, int) {
	p.t.Helper()
	now, mended := lookAfterCut(p)
	p.checkLeft(now, run)
	if cut == p.ended {
		p.checkPromised(now, state)
	}
	return now, mended
}

// promised are the places whose contents do not depend on anything later: what a command that has ended made there is durable.
var promised = []string{"root/profiles", "root/roots", "root/trust", "root/shims", "root/log", "root/store", "project"}

// unpromised is space that a profile keeps to give up: whoever comes next makes it whole.
var unpromised = regexp.MustCompile(`^root/profiles/[^/]+/spare$`)

// checkPromised checks that all is there that was made by a command that has ended.
func (p *outage) checkPromised(now sight, state *powercut.State) {
	p.t.Helper()
	found := map[string]powercut.Entry{}
	state.Walk(func(name string, e powercut.Entry) { found[name] = e })
	for name, e := range p.live {
		if !slices.ContainsFunc(promised, func(dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }) ||
			strings.Contains(name, "filelock") || unpromised.MatchString(name) || hiddenTree.MatchString(strings.TrimPrefix(name, "root/store/")) {
			continue
		}
		got, ok := found[name]
		if !ok || got.Type != e.Type || got.Target != e.Target || got.Sum != e.Sum || e.Type != fs.ModeSymlink && got.Mode != e.Mode {
			p.t.Errorf("the command had ended, and %s is lost or not as it was", name)
		}
	}
	if now.lock != p.after.lock {
		p.t.Errorf("the command had ended, and the lock is\n%s", now.lock)
	}
}

// checkMended checks that the next command succeeds and that then all is as if the power had not failed.
func (p *outage) checkMended() {
	p.t.Helper()
	out := p.sh(p.next)
	now, _ := lookAfterCut(p)
	p.checkReached(now, out)
	p.mendReported()
	p.sh("gostore verify && gostore log --verify")
	p.collect()
	p.checkEnd(now)
}

// removalHint is the advice about damage to what is kept of the checksum database: it is asked for again when it is gone.
var removalHint = regexp.MustCompile(`(?m)^gostore: hint: what is damaged of the checksum database .*: rm ("[^"]+")$`)

// mendReported does what verify says is to be done where it reports damage: what is kept of the checksum database is removed, and
// everything else is mended by verify --repair.
func (p *outage) mendReported() {
	p.t.Helper()
	status, _, diagnosis := ended(p.gostore(p.dir, "verify"))
	if status == 0 {
		return
	}
	for _, match := range removalHint.FindAllStringSubmatch(diagnosis, -1) {
		name, err := strconv.Unquote(match[1])
		if err == nil {
			err = os.Remove(name)
		}
		if err != nil {
			p.t.Error(err)
		}
	}
	p.sh("gostore verify || gostore verify --repair")
}
