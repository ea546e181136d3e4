package goproxy

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"

	"gostore/internal/digest"
	"gostore/internal/durable"
	"gostore/internal/fetch"
	"gostore/internal/filelock"
)

var (
	// errNotLogged says that the checksum database has no record of a toolchain.
	errNotLogged = errors.New("not in the checksum database")

	// errNotConsulted says that all proxies are directories, without a copy of the database.
	errNotConsulted = errors.New("checksum database not consulted")
)

// SumDBError says that what the checksum database states cannot be believed: it contradicts
// itself, a signature is wrong, or it does not state what it has to.
type SumDBError struct {
	Database string // its name
	What     string // module@version, or the file that is damaged
	Err      error  // what is wrong; for a fork of the log, the evidence as package sumdb words it
}

func (e *SumDBError) Error() string {
	return fmt.Sprintf("checksum database %q: %s: %v", e.Database, e.What, e.Err)
}

// Unwrap returns what is wrong.
func (e *SumDBError) Unwrap() error { return e.Err }

func (s *Source) dbError(moduleVersion string, err error) error {
	return &SumDBError{Database: s.verifier.Name(), What: modulePath + "@" + moduleVersion, Err: err}
}

// answerLimit bounds answers of the database: records have some hundred bytes, tiles 8 KiB.
const answerLimit = 1 << 20

// session is one operation's view of the checksum database. It is what package sumdb calls
// ClientOps, and ends with its context; so nothing that failed is remembered for the next
// operation.
//
// Package sumdb reports errors as text. A session therefore keeps what went wrong below
// it, to tell a network that is down from a database that lies.
type session struct {
	ctx    context.Context
	s      *Source
	client *sumdb.Client
	base   func() (string, error)
	direct bool // without any proxy, the database itself is asked

	mu       sync.Mutex
	answers  map[string][]byte // answers to lookups, by path
	failures map[string]error  // lookups that could not be read, by path
	broken   error             // the first other thing that could not be read or written
	evidence string            // of a fork
}

func (s *Source) newSession(ctx context.Context) *session {
	d := &session{ctx: ctx, s: s, answers: map[string][]byte{}, failures: map[string]error{}}
	d.base = sync.OnceValues(d.findBase)
	d.client = sumdb.NewClient(d)
	return d
}

// lookup returns the digest that the database states for a toolchain: offline when a proof
// is kept, else online, keeping the proof.
func (d *session) lookup(moduleVersion string) (digest.Archive, error) {
	if p, ok := d.s.keptProof(moduleVersion); ok {
		return d.s.digestIn(p.text, moduleVersion)
	}
	if d.s.proxies.local() && !d.s.mirrorsDatabase() {
		return digest.Archive{}, errNotConsulted
	}
	if len(d.s.proxies.proxies) == 0 && !d.direct {
		return digest.Archive{}, d.s.proxies.none()
	}
	if _, err := d.client.Lookup(modulePath, moduleVersion); err != nil {
		return digest.Archive{}, d.explain(moduleVersion, err)
	}
	d.mu.Lock()
	answer := d.answers[lookupPath(moduleVersion)]
	d.mu.Unlock()
	p, err := d.prove(answer)
	if err != nil {
		return digest.Archive{}, d.explain(moduleVersion, err)
	}
	h, err := d.s.digestIn(p.text, moduleVersion)
	if err != nil {
		return digest.Archive{}, err
	}
	_ = writeAtomic(d.s.proofFile(moduleVersion), formatProof(p)) // best effort: without it, the next lookup goes online
	return h, nil
}

func lookupPath(moduleVersion string) string { return "/lookup/" + modulePath + "@" + moduleVersion }

// digestIn returns the digest that a record states: exactly one line may be about the
// module version's zip, and must be well formed. A record that lacks it proves nothing.
func (s *Source) digestIn(record []byte, moduleVersion string) (digest.Archive, error) {
	var found []string
	for line := range strings.Lines(string(record)) {
		if rest, ok := strings.CutPrefix(line, modulePath+" "+moduleVersion+" "); ok {
			found = append(found, strings.TrimSuffix(rest, "\n"))
		}
	}
	if len(found) != 1 {
		return digest.Archive{}, s.dbError(moduleVersion, fmt.Errorf("its record has %d lines about it, want 1", len(found)))
	}
	h, err := digest.ParseArchive(found[0])
	if err == nil && h.Algorithm() != "h1" {
		err = fmt.Errorf("digest %q is no h1 digest", h)
	}
	if err != nil {
		return digest.Archive{}, s.dbError(moduleVersion, err)
	}
	return h, nil
}

// explain finds out what a failure of package sumdb was.
func (d *session) explain(moduleVersion string, err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	failure := d.failures[lookupPath(moduleVersion)]
	switch {
	case d.evidence != "":
		return d.s.dbError(moduleVersion, errors.New(strings.TrimSpace(d.evidence)))
	case d.ctx.Err() != nil:
		return d.ctx.Err()
	case errors.Is(failure, fs.ErrNotExist):
		return errNotLogged
	case failure != nil:
		return d.unreachable(failure)
	case errors.Is(d.broken, fs.ErrNotExist): // it states a tree but not its tiles
		return d.s.dbError(moduleVersion, fmt.Errorf("the database is not whole: %v", d.broken))
	case d.broken != nil:
		return d.unreachable(d.broken)
	}
	return d.s.dbError(moduleVersion, err)
}

func (d *session) unreachable(err error) error {
	if damaged := (*SumDBError)(nil); errors.As(err, &damaged) {
		return err
	}
	return fmt.Errorf("asking the checksum database %q: %w", d.s.verifier.Name(), err)
}

// findBase finds out where the database is reached: through the first proxy that mirrors it,
// else directly. A proxy that says it mirrors it is the only one asked, as the protocol
// demands.
func (d *session) findBase() (string, error) {
	name := d.s.verifier.Name()
	if len(d.s.proxies.proxies) == 0 {
		return "https://" + name, nil
	}
	base := ""
	err := d.s.proxies.try(func(proxy string) error {
		base = join(proxy, "sumdb/"+name)
		if file, ok := fetch.Local(base); ok {
			_, err := os.Stat(file)
			return err
		}
		_, err := d.s.client.Get(d.ctx, base+"/supported", answerLimit)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return "https://" + name, nil
	}
	return base, err
}

// mirrorsDatabase reports whether a directory among the proxies says, by a file "supported", that it has a copy
// of the database. A module cache that serves as a proxy has some of its tiles, but does not say so.
func (s *Source) mirrorsDatabase() bool {
	for _, p := range s.proxies.proxies {
		if dir, ok := fetch.Local(join(p.base, "sumdb/"+s.verifier.Name()+"/supported")); ok {
			if _, err := os.Stat(dir); err == nil {
				return true
			}
		}
	}
	return false
}

// ReadRemote reads from the database.
func (d *session) ReadRemote(path string) ([]byte, error) {
	base, err := d.base()
	var data []byte
	if err == nil {
		data, err = d.s.client.Get(d.ctx, base+path, answerLimit)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	lookup := strings.HasPrefix(path, "/lookup/")
	switch {
	case err == nil && lookup:
		d.answers[path] = data
	case err != nil && lookup:
		d.failures[path] = err
	case err != nil && d.broken == nil:
		d.broken = err
	}
	return data, err
}

// ReadConfig reads the verifier key or the newest tree head. A tree head that is damaged is
// an error, not a miss: forgetting it would forgive every fork of the log since.
func (d *session) ReadConfig(file string) ([]byte, error) {
	if file == "key" {
		return []byte(d.s.key), nil
	}
	path := filepath.Join(d.s.dir, filepath.FromSlash(file))
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		if _, bad := note.Open(data, note.VerifierList(d.s.verifier)); bad != nil {
			err = &SumDBError{Database: d.s.verifier.Name(), What: path, Err: fmt.Errorf("the kept tree head is damaged: %w", bad)}
		}
	}
	return data, d.breaks(err)
}

// WriteConfig replaces the newest tree head if it still is old. It is durable: after a power
// cut the log cannot be rolled back to before it. The filelock spans the comparison and
// the replacement; readers need none, as they see the old file or the new one.
func (d *session) WriteConfig(file string, old, new []byte) error {
	path := filepath.Join(d.s.dir, filepath.FromSlash(file))
	if err := durable.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return d.breaks(err)
	}
	lock, err := filelock.Lock(d.ctx, path+".lock")
	if err != nil {
		return d.breaks(err)
	}
	defer lock.Release() // best effort: the kernel releases it at the latest when the process ends
	now, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.breaks(err)
	}
	if string(now) != string(old) {
		return sumdb.ErrWriteConflict
	}
	return d.breaks(durable.WriteFile(path, new, 0o644))
}

// breaks remembers the first failure of the session's own files.
func (d *session) breaks(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken == nil {
		d.broken = err
	}
	return err
}

// ReadCache reads a tile. Lookups are not cached here: kept proofs say the same, and can be
// checked. A file begins with the SHA-256 of the rest, so that a damaged one is a miss.
func (d *session) ReadCache(file string) ([]byte, error) {
	if strings.Contains(file, "/lookup/") {
		return nil, fs.ErrNotExist
	}
	data, err := os.ReadFile(filepath.Join(d.s.dir, filepath.FromSlash(file)))
	if err != nil {
		return nil, err
	}
	if len(data) < sha256.Size || sha256.Sum256(data[sha256.Size:]) != [sha256.Size]byte(data[:sha256.Size]) {
		return nil, fs.ErrNotExist
	}
	return data[sha256.Size:], nil
}

// WriteCache writes a tile that was authenticated.
func (d *session) WriteCache(file string, data []byte) {
	if strings.Contains(file, "/lookup/") {
		return
	}
	sum := sha256.Sum256(data)
	_ = writeAtomic(filepath.Join(d.s.dir, filepath.FromSlash(file)), append(sum[:], data...)) // best effort: a tile can be read again
}

// Log drops what package sumdb has to say in passing.
func (d *session) Log(string) {}

// SecurityError keeps the evidence that the database has forked.
func (d *session) SecurityError(msg string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.evidence = msg
}

// writeAtomic writes a file that can be made again, and whose reader notices damage: it is
// renamed into place but not synced.
func writeAtomic(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, durable.TempPrefix)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // best effort: the name marks it as leftover
	}
	return err
}
