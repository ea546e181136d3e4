// Package goproxy gets Go toolchains, which module proxies serve as versions of the module
// golang.org/toolchain: v0.0.1-go1.22.6.linux-amd64 is Go 1.22.6 for linux/amd64.
//
// It promises that a digest it resolves, and the digest of whatever it fetches, stands in
// the Go checksum database: in a record whose inclusion under a signed tree head was
// checked, where that head agrees with every head seen before. No setting skips that, and
// no proxy is trusted. The one exception is a list of proxies that are all directories
// (file:// URLs) without a copy of the database; releases from there say so (Unlogged).
//
// It keeps, in Config.Dir, the newest tree head, the tiles of the database that it read, and
// for each record that it checked a proof (see proof.go), with which the record is checked
// again without any network.
//
// It does not promise that a proxy lists all that exists. An exact version is therefore asked
// of the checksum database, listed or not; only requests such as 1.22 depend on the list.
package goproxy

import (
	"context"
	"errors"
	"fmt"
	"go/version"
	"os"
	"path"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"gostore/internal/archive"
	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/release"
)

// modulePath is the module whose versions are Go toolchains.
const modulePath = "golang.org/toolchain"

// verifierKey is the public key of the Go checksum database, beginning with its name, which
// is where it is reached. It is the one built into every go command.
const verifierKey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

// Config says where toolchains come from.
type Config struct {
	Proxies     string           // list of module proxies, as in GOPROXY; may be empty when nothing will be fetched
	Client      *fetch.Client    // nil is a zero Client
	Dir         string           // where tree heads, tiles and proofs are kept; created when needed
	VerifierKey string           // "" is the Go checksum database's
	Host        release.Platform // the platform that requests are resolved for; zero is this one's

	// Local, unless nil, returns Go toolchains that are on this machine, and what ends the use of them. Fetch gets
	// only what they lack, where the server can send ranges. Their contents are hints: the digest decides.
	Local func(ctx context.Context) ([]Tree, func(), error)

	// Listed, unless nil, is told the versions for the host platform whenever the proxies' list was read, from any goroutine.
	Listed func(versions []string)
}

// Source gets Go toolchains. It is safe for concurrent use.
type Source struct {
	proxies  proxyList
	client   *fetch.Client
	dir      string
	key      string
	verifier note.Verifier
	host     release.Platform
	local    func(ctx context.Context) ([]Tree, func(), error)
	listed   func(versions []string)

	sums       sync.Map // CRC-32 of the files of trees, by name
	distrusted sync.Map // parts that Unpack found wrong
}

// New checks c. It reads nothing.
func New(c Config) (*Source, error) {
	proxies, err := parseProxies(c.Proxies)
	if err != nil {
		return nil, err
	}
	s := &Source{proxies: proxies, client: c.Client, dir: c.Dir, key: c.VerifierKey, host: c.Host, local: c.Local, listed: c.Listed}
	if s.client == nil {
		s.client = new(fetch.Client)
	}
	if s.key == "" {
		s.key = verifierKey
	}
	if s.host == (release.Platform{}) {
		s.host = release.Host()
	}
	if s.verifier, err = note.NewVerifier(s.key); err != nil {
		return nil, fmt.Errorf("verifier key of the checksum database: %w", err)
	}
	if name := s.verifier.Name(); path.Clean("/"+name) != "/"+name || strings.ContainsAny(name, "@?#\\ ") {
		return nil, fmt.Errorf("verifier key of the checksum database: name %q is not a host", name)
	}
	return s, nil
}

// Name returns "goproxy", which stands in locks.
func (s *Source) Name() string { return "goproxy" }

// tool is the only tool that comes from here.
const tool = "go"

// moduleVersion returns the version of golang.org/toolchain that is a toolchain.
func moduleVersion(goVersion string, p release.Platform) string {
	return "v0.0.1-go" + goVersion + "." + p.OS + "-" + p.Arch
}

// from returns what names a toolchain in locks and messages.
func from(goVersion string, p release.Platform) string {
	return modulePath + "@" + moduleVersion(goVersion, p)
}

// zipPath returns where below a proxy's base a toolchain's zip is.
func zipPath(goVersion string, p release.Platform) string {
	return modulePath + "/@v/" + moduleVersion(goVersion, p) + ".zip"
}

// minLimit bounds downloads whose size is not known: the largest toolchain has 150 MB.
const minLimit = 512 << 20

// Fetch downloads an item's archive into the file part and returns its path; an
// archive that a file:// proxy has is not copied, and its own path is returned. With Config.Local the part may lack
// contents that are on this machine; Unpack takes them from there.
//
// Before anything is downloaded, its digest is compared with the checksum database: offline
// where a proof is kept. A difference is a *digest.MismatchError, a database that does not
// know the toolchain or contradicts itself a *SumDBError. The bytes themselves are not
// checked here: Unpack does.
func (s *Source) Fetch(ctx context.Context, item release.Item, part string, progress func(done, total int64)) (string, error) {
	goVersion, p, a := item.Version, item.Platform, item.Archive
	if err := s.vouch(ctx, goVersion, p, a.Digest); err != nil {
		return "", err
	}
	whole, err := s.anew(part)
	if err != nil {
		return "", err
	}
	file := part
	err = s.proxies.try(func(base string) error {
		url := join(base, zipPath(goVersion, p))
		if local, ok := fetch.Local(url); ok {
			file = local
			_, err := os.Stat(local)
			return err
		}
		file = part
		return s.download(ctx, url, part, item, whole, fetch.Options{MaxSize: max(2*a.Size, minLimit), Progress: progress})
	})
	if err != nil {
		return "", fmt.Errorf("downloading %q: %w", from(goVersion, p), err)
	}
	return file, nil
}

// vouch checks that the checksum database states want for a toolchain.
func (s *Source) vouch(ctx context.Context, goVersion string, p release.Platform, want digest.Archive) error {
	got, err := s.newSession(ctx).lookup(moduleVersion(goVersion, p))
	switch {
	case errors.Is(err, errNotConsulted):
		return nil
	case errors.Is(err, errNotLogged):
		return s.dbError(moduleVersion(goVersion, p), errors.New("the database has no record of it"))
	case err != nil:
		return err
	case got != want:
		return &digest.MismatchError{What: from(goVersion, p) + " in the checksum database", Want: want.String(), Got: got.String()}
	}
	return nil
}

// Unpack unpacks what Fetch returned into sink, which must be discarded when there is an
// error: that the digest is wrong is known at the end only. After an *archive.AssemblyError, Fetch with the same part brings
// all of the archive anew.
func (s *Source) Unpack(ctx context.Context, item release.Item, file string, sink archive.Sink, progress func(n int64)) error {
	goVersion, p, a := item.Version, item.Platform, item.Archive
	if a.Digest.IsZero() {
		return fmt.Errorf("unpacking %q: no digest is known for it", from(goVersion, p))
	}
	m := moduleZip(goVersion, p)
	m.Want = a.Digest
	ok, err := s.unpackAssembled(ctx, m, item, file, sink, progress)
	if !ok {
		err = withZip(file, func(f *os.File, size int64) error { return m.Unpack(ctx, f, size, sink, progress) })
	}
	if err != nil {
		return fmt.Errorf("unpacking %q: %w", from(goVersion, p), err)
	}
	return nil
}

func withZip(file string, use func(f *os.File, size int64) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return use(f, info.Size())
}

// maxFile bounds the files of a toolchain, which are held in memory one by one: the largest known has 26 MB.
const maxFile = 128 << 20

// moduleZip describes a toolchain's zip.
func moduleZip(goVersion string, p release.Platform) archive.ModuleZip {
	return archive.ModuleZip{
		Prefix: from(goVersion, p) + "/", Rename: rename, Exec: executable, Limits: archive.Limits{File: maxFile},
	}
}

// rename gives go.mod files back their name: with it they would end the module in whose
// zip they are.
func rename(name string) string {
	if dir, base := path.Split(name); base == "_go.mod" {
		return dir + "go.mod"
	}
	return name
}

// executable reports whether the file name of a toolchain's tree is a program. Module zips
// have no modes; this is the go command's own rule for the toolchains that it downloads.
func executable(name string) bool {
	switch top, rest, _ := strings.Cut(name, "/"); top {
	case "bin":
		return true
	case "pkg":
		return strings.HasPrefix(rest, "tool/")
	case "lib":
		wrapper, _ := path.Match("go_?*_?*_exec", path.Base(rest))
		return wrapper
	}
	return false
}

// Layout returns how a toolchain presents itself. Before Go 1.9 a go command does not find
// its own tree: it believes to be in /usr/local/go unless GOROOT says otherwise. Its cgo cannot link
// position-independent programs, which C compilers make by default since: "-r and -pie may not be used
// together".
func (s *Source) Layout(r release.Release) release.Layout { return Layout(r.Version) }

// Layout returns how the Go toolchain of a version presents itself, wherever it came from.
func Layout(goVersion string) release.Layout {
	l := release.Layout{
		Dirs:      []string{"bin"},
		Names:     map[string]string{"go" + goVersion: "bin/go"},
		Set:       map[string]string{"GOTOOLCHAIN": "local"},
		Unset:     []string{"GOROOT", "GOTOOLDIR"},
		Check:     []string{"go", "version"},
		CheckWant: "go" + goVersion,
		CheckSkip: []string{"GOFLAGS"}, // a flag that it does not know ends even "go version"
	}
	if version.Compare(version.Lang("go"+goVersion), "go1.9") < 0 {
		l.HomeVar = "GOROOT"
		l.Default = map[string]string{"CGO_LDFLAGS": "-no-pie"}
	}
	return l
}

// Doubt is told that what was downloaded for an item is wrong. It reports whether a proxy itself may serve something else than its mirrors
// did.
func (s *Source) Doubt(item release.Item) bool {
	again := false
	for _, p := range s.proxies.proxies {
		again = s.client.Distrust(join(p.base, zipPath(item.Version, item.Platform))) || again
	}
	return again
}
