package tests

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gostore/internal/release"
	"gostore/tests/upstream"
)

// Hints about what upstream does.
const (
	notServedHint = `hint: the server does not have it; another GOPROXY or mirror may\n`
	failedHint    = `hint: the server failed; try again later or use another GOPROXY or mirror\n`
	networkHint   = `hint: check the network and GOPROXY; downloads go on where they stopped\n`
	databaseHint  = `hint: the checksum database does not vouch for this release, so nothing of it was kept\n`
	digestHint    = `hint: nothing of it was kept or executed\n`
	damagedHint   = `hint: nothing of it was kept; the archive is damaged`
)

// misdeed is something wrong that an upstream does, and what is said of it.
type misdeed struct {
	fault  upstream.Fault
	do     func(*upstream.Server) // instead of a fault
	status int
	want   []string // patterns
	part   bool     // what arrived is kept for the next attempt
}

const page = "<html><body>Please log in</body></html>"

func answers(path string, status int) upstream.Fault {
	return upstream.Fault{Path: path, Status: status}
}

func asPage(path string) upstream.Fault {
	return upstream.Fault{Path: path, Body: []byte(page), Header: map[string]string{"Content-Type": "text/html; charset=utf-8"}}
}

// onResolve are misdeeds while a request is resolved: nothing may be locked.
var onResolve = map[string]misdeed{
	"list 404":           {fault: answers("/list", 404), status: 4, want: []string{"listing Go toolchains: .* status 404", notServedHint}},
	"list 410":           {fault: answers("/list", 410), status: 4, want: []string{"listing Go toolchains: .* status 410", notServedHint}},
	"list 500":           {fault: answers("/list", 500), status: 6, want: []string{"listing Go toolchains: .* status 500", failedHint}},
	"list is a page":     {fault: asPage("/list"), status: 6, want: []string{`listing Go toolchains: .* web page \(text/html\)`, networkHint}},
	"list breaks off":    {fault: upstream.Fault{Path: "/list", CutAt: 10}, status: 6, want: []string{"listing Go toolchains: .* broke off", networkHint}},
	"list is empty":      {fault: upstream.Fault{Path: "/list", Body: []byte(page)}, status: 1, want: []string{"lists no Go toolchains; an exact version, such as go@1.22.6, needs no list"}},
	"database 404":       {fault: answers("/lookup/", 404), status: 3, want: []string{`checksum database "sum.test.invalid": .* has no record of this, although the module proxy lists it`, databaseHint}},
	"database 410":       {fault: answers("/lookup/", 410), status: 3, want: []string{`has no record of this`, databaseHint}},
	"database 500":       {fault: answers("/lookup/", 500), status: 6, want: []string{`asking the checksum database .* status 500`, failedHint}},
	"database is a page": {fault: asPage("/lookup/"), status: 6, want: []string{`asking the checksum database .* web page`, networkHint}},
	"database breaks":    {fault: upstream.Fault{Path: "/lookup/", CutAt: 10}, status: 6, want: []string{`asking the checksum database .* broke off`, networkHint}},
	"record is nonsense": {fault: upstream.Fault{Path: "/lookup/", Body: []byte(page)}, status: 3, want: []string{"malformed", databaseHint}},
	"record is too long": {fault: upstream.Fault{Path: "/lookup/", Extra: 2 << 20}, status: 6, want: []string{"too large", networkHint}},
	"record is forged":   {fault: upstream.Fault{Path: "/lookup/", Rewrite: forgeDigest}, status: 3, want: []string{`checksum database`, databaseHint}},
	"record lacks it":    {do: without, status: 3, want: []string{`its record has 0 lines about it, want 1`, databaseHint}},
	"tiles 404":          {fault: answers("/tile/", 404), status: 3, want: []string{"the database is not whole", databaseHint}},
	"tiles 500":          {fault: answers("/tile/", 500), status: 6, want: []string{"asking the checksum database .* status 500", failedHint}},
	"tiles are nonsense": {fault: upstream.Fault{Path: "/tile/", Body: []byte(page)}, status: 3, want: []string{databaseHint}},
}

// onInstall are misdeeds while something that was locked is installed: nothing may be visible.
var onInstall = map[string]misdeed{
	"404":           {fault: answers(".zip", 404), status: 4, want: []string{"status 404", notServedHint}},
	"410":           {fault: answers(".zip", 410), status: 4, want: []string{"status 410", notServedHint}},
	"500":           {fault: answers(".zip", 500), status: 6, want: []string{"status 500", failedHint}},
	"page":          {fault: asPage(".zip"), status: 6, want: []string{"web page", networkHint}},
	"page as a zip": {fault: upstream.Fault{Path: ".zip", Body: []byte(page)}, status: 3, want: []string{damagedHint}},
	"breaks off":    {fault: upstream.Fault{Path: ".zip", CutAt: 30000, NoRange: true}, status: 6, want: []string{"broke off", networkHint}, part: true},
	"truncated":     {fault: upstream.Fault{Path: ".zip", Rewrite: func(b []byte) []byte { return b[:len(b)/2] }}, status: 3, want: []string{damagedHint}},
	"oversized":     {fault: upstream.Fault{Path: ".zip", Extra: 1000}, status: 3, want: []string{damagedHint}},
	"another zip":   {do: anotherZip, status: 3, want: []string{`digest of .* is h1:.*, expected h1:`, digestHint}},
}

// forgeDigest changes digests in an answer of the database, to others of the same form.
func forgeDigest(body []byte) []byte {
	forged := " h1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	lines := strings.SplitAfter(string(body), "\n")
	for i, line := range lines {
		if before, _, ok := strings.Cut(line, " h1:"); ok {
			lines[i] = before + forged + "\n"
		}
	}
	return []byte(strings.Join(lines, ""))
}

// without logs a record about everything but the toolchain's zip.
func without(s *upstream.Server) {
	for _, p := range upstream.Platforms {
		s.SetRecord("1.22.12", p, strings.Replace(upstream.From("1.22.12", p), "@", " ", 1)+"/go.mod h1:"+strings.Repeat("A", 43)+"=\n")
	}
}

// anotherZip serves a zip that is well made, but not the one that was logged.
func anotherZip(s *upstream.Server) {
	s.SetZip("1.22.12", release.Host(), upstream.Zip(upstream.Key("1.22.12", release.Host()), 100))
}

// together runs a subtest for each misdeed, all at the same time: most of them wait between attempts.
func together(t *testing.T, misdeeds map[string]misdeed, test func(*testing.T, *world, misdeed)) {
	var wg sync.WaitGroup
	for name, m := range misdeeds {
		wg.Go(func() {
			t.Run(name, func(t *testing.T) { test(t, newWorld(t, upstream.Config{}), m) })
		})
	}
	wg.Wait()
}

// commit makes the upstream misbehave.
func (m misdeed) commit(w *world) {
	if m.do != nil {
		m.do(w.server)
		return
	}
	w.server.Fault(m.fault)
}

// Whatever a proxy or the database answers while a request is resolved, the error says what is wrong and what to do,
// and no lock is written. When they answer as they should, the same command succeeds.
func TestUpstreamMisbehavesOnResolve(t *testing.T) {
	t.Parallel()
	together(t, onResolve, func(t *testing.T, w *world, m misdeed) {
		m.commit(w)
		got := w.fails(m.status, "gostore lock go@1.22")
		for _, pattern := range m.want {
			matches(t, got, pattern)
		}
		if _, err := os.Stat(filepath.Join(w.dir, "gostore.lock")); !os.IsNotExist(err) {
			t.Errorf("a lock was written: %v", err)
		}
		if m.do == nil {
			w.server.ClearFaults()
			w.sh("gostore lock go@1.22 && gostore shell -- go version")
		}
	})
}

// So it is for what is downloaded. What broke off is kept and continued; what is wrong is not.
func TestUpstreamMisbehavesOnInstall(t *testing.T) {
	t.Parallel()
	together(t, onInstall, func(t *testing.T, w *world, m misdeed) {
		w.sh("gostore lock go@1.22.12")
		m.commit(w)
		got := w.fails(m.status, "gostore install")
		for _, pattern := range append(m.want, `error: installing go@1.22.12: `) {
			matches(t, got, pattern)
		}
		root := filepath.Join(filepath.Dir(w.dir), "root")
		if objects, err := os.ReadDir(filepath.Join(root, "store")); err != nil || len(objects) > 0 {
			t.Errorf("objects: %v, %v", objects, err)
		}
		parts, err := filepath.Glob(filepath.Join(root, "downloads", "*.part"))
		if m.part {
			if fi, err := os.Stat(parts[0]); err != nil || fi.Size() != m.fault.CutAt {
				t.Errorf("of the download %v is kept, %v", fi, err)
			}
		} else if m.status == 3 && (err != nil || len(parts) > 0) {
			t.Errorf("kept %q, %v", parts, err)
		}
		if m.do == nil {
			w.server.ClearFaults()
			w.server.ClearRequests()
			w.sh("gostore install && gostore verify && gostore shell -- go version")
			if requests := w.server.Requests(); m.part && (len(requests) != 1 || requests[0].Range != "bytes=30000-") {
				t.Errorf("requests were %v", requests)
			}
		}
	})
}

// A database that shows another history than before is found out by whoever has seen the first.
func TestUpstreamForgesHistory(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(*upstream.Server){
		"forked":      func(s *upstream.Server) { s.Fork(); s.Grow(100) },
		"rolled back": func(s *upstream.Server) { s.Rollback(true) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, upstream.Config{})
			w.sh("gostore lock go@1.22.6 && gostore shell -- true && cp gostore.lock before")
			forge(w.server)
			got := w.fails(3, "gostore lock go@1.23.0")
			matches(t, got, databaseHint)
			w.fails(3, "gostore install go@1.23.0")
			w.fails(3, "gostore switch go@1.23.0")
			// What was verified before the lie is good, and nothing else came in.
			if got := w.sh("cmp gostore.lock before && gostore shell -- go version && gostore list"); !strings.Contains(got, "go1.22.6 ") || !strings.Contains(got, ": 2 objects") {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}
