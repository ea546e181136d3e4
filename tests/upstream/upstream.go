// Package upstream is what gostore's tests download from: a loopback server that is a Go
// module proxy and a checksum database at once, serving toolchains that are small shell
// scripts, and that misbehaves when told to.
//
// The toolchains are real module zips with the layout of real ones, their digests stand in a
// real transparency log signed with a key made for the process. What a toolchain contains
// depends on its version, platform and Config only.
//
// Faults are set with Server.Fault or, from a script, by requesting /-/fault with a fault's
// fields as the query (see Server.Apply); /-/clear ends them and /-/log shows the requests.
package upstream

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb"

	"gostore/internal/release"
)

// Host is the name of the test database. It does not resolve.
const Host = "sum.test.invalid"

const module = "golang.org/toolchain"

// Config says what a server serves. Zero fields are replaced by the package's defaults.
type Config struct {
	Versions  []string           // listed in @v/list
	Unlisted  []string           // served, but not listed
	Platforms []release.Platform // every version exists for each of them, except Missing
	Missing   []string           // "1.20.14.darwin-arm64": not served and not logged
	Files     string             // a directory that is served below /files/; "" is none
	Padding   int                // bytes of incompressible data to make each toolchain larger by
	Shared    int                // the same, of data that is equal in all of them
}

// Versions, Unlisted, Platforms and Missing are what a zero Config serves.
var (
	Versions  = []string{"1.20", "1.20.14", "1.21.0", "1.21.13", "1.22.5", "1.22.6", "1.22.12", "1.23.0", "1.26.8"}
	Unlisted  = []string{"1.27rc1"}
	Platforms = []release.Platform{{OS: "linux", Arch: "amd64"}, {OS: "linux", Arch: "arm64"},
		{OS: "darwin", Arch: "amd64"}, {OS: "darwin", Arch: "arm64"}, {OS: "windows", Arch: "amd64"}}
	Missing = []string{"1.20.14.windows-amd64"}
)

// Server is a running upstream. Its methods are safe for concurrent use.
type Server struct {
	URL string // base of the module proxy; a value for GOPROXY
	Key string // the verifier key of its checksum database

	config Config
	http   *httptest.Server
	sumdb  *sumdb.Server
	log    *treeLog

	mu       sync.Mutex
	zips     map[string][]byte // by "1.22.6.linux-amd64": what a test set
	faults   []*Fault
	requests []*Request
}

// Start starts a server that ends with the test.
func Start(tb testing.TB, c Config) *Server {
	tb.Helper()
	s, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// New starts a server; Close ends it.
func New(c Config) (*Server, error) {
	if c.Versions == nil {
		c.Versions = Versions
	}
	if c.Unlisted == nil {
		c.Unlisted = Unlisted
	}
	if c.Platforms == nil {
		c.Platforms = Platforms
	}
	if c.Missing == nil {
		c.Missing = Missing
	}
	s := &Server{config: c, zips: map[string][]byte{}}
	log, err := newTreeLog(s.record)
	if err != nil {
		return nil, err
	}
	s.log, s.Key = log, log.key
	s.sumdb = sumdb.NewServer(log)
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = s.http.URL
	return s, nil
}

// Close ends the server.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// toolchains yields the keys of everything that is served, "1.22.6.linux-amd64", listed or not.
func (s *Server) toolchains() (listed, unlisted []string) {
	keys := func(versions []string) (list []string) {
		for _, v := range versions {
			for _, p := range s.config.Platforms {
				if key := Key(v, p); !slices.Contains(s.config.Missing, key) {
					list = append(list, key)
				}
			}
		}
		return list
	}
	return keys(s.config.Versions), keys(s.config.Unlisted)
}

// Key names a toolchain: "1.22.6.linux-amd64".
func Key(version string, p release.Platform) string { return version + "." + p.OS + "-" + p.Arch }

// From returns the module version of a toolchain, as a lock states where an archive is from.
func From(version string, p release.Platform) string {
	return module + "@v0.0.1-go" + Key(version, p)
}

// zip returns the module zip of a toolchain, nil when it is not served.
func (s *Server) zip(key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if z, ok := s.zips[key]; ok {
		return z
	}
	if !s.has(key) {
		return nil
	}
	return s.contents(key).zip()
}

// has reports whether a toolchain is served, listed or not.
func (s *Server) has(key string) bool {
	listed, unlisted := s.toolchains()
	return slices.Contains(listed, key) || slices.Contains(unlisted, key)
}

// contents says what is in a toolchain as this server has it.
func (s *Server) contents(key string) contents {
	return contents{key, s.config.Padding, s.config.Shared}
}

// Zip returns the module zip that is served for a toolchain.
func (s *Server) Zip(version string, p release.Platform) []byte {
	return bytes.Clone(s.zip(Key(version, p)))
}

// SetZip replaces the zip of a toolchain. The database keeps or gets the digest of the
// original.
func (s *Server) SetZip(version string, p release.Platform, data []byte) {
	key := Key(version, p)
	s.log.mustKnow(module, "v0.0.1-go"+key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zips[key] = data
}

// record returns what the database says about a module version.
func (s *Server) record(path, version string) ([]byte, error) {
	key, ok := strings.CutPrefix(version, "v0.0.1-go")
	if path != module || !ok {
		return nil, errUnknown
	}
	if !s.has(key) {
		return nil, errUnknown
	}
	return fmt.Appendf(nil, "%s %s %s\n%s %s/go.mod %s\n", path, version, s.contents(key).hash(), path, version,
		hash1(map[string][]byte{"go.mod": []byte("module " + module + "\n")})), nil
}
