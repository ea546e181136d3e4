package asset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"gostore/internal/archive"
	"gostore/internal/fetch"
	"gostore/internal/release"
)

// getter is what sources that download have in common.
type getter struct {
	client   *fetch.Client
	host     release.Platform
	firstUse string // directory; "" where nobody is trusted
	plain    bool   // plain http will do, as somebody gave the digest
}

func newGetter(client *fetch.Client, host release.Platform, firstUse string) getter {
	if client == nil {
		client = new(fetch.Client)
	}
	if host == (release.Platform{}) {
		host = release.Host()
	}
	return getter{client: client, host: host, firstUse: firstUse}
}

// download brings the archive of an item to this machine.
func (g getter) download(ctx context.Context, item release.Item, part string, progress func(done, total int64)) (string, error) {
	from := item.Archive.From
	if local, ok := fetch.Local(from); ok {
		_, err := os.Stat(local)
		return local, err
	}
	if g.firstUse != "" {
		if kept := g.keptPath(from); exists(kept) {
			return kept, nil
		}
	}
	if err := checkArchiveURL(from); err != nil && !(g.plain && errors.Is(err, errPlain)) {
		return "", fmt.Errorf("downloading %q: %w", fetch.Redact(from), err)
	}
	err := g.client.Download(ctx, from, part, fetch.Options{MaxSize: max(maxArchive, 2*item.Archive.Size), Progress: progress})
	if err != nil {
		return "", fmt.Errorf("downloading %s@%s: %w", item.Tool, item.Version, err)
	}
	return part, nil
}

// keptPath returns where a first download of a URL is kept.
func (g getter) keptPath(url string) string {
	sum := sha256.Sum256([]byte(url))
	return filepath.Join(g.firstUse, hex.EncodeToString(sum[:]))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// trust downloads an archive whose digest nobody states, and computes it. It is renamed to keptPath when it is whole.
func (g getter) trust(ctx context.Context, url string) (release.Archive, error) {
	kept := g.keptPath(url)
	if !exists(kept) {
		part := kept + ".part"
		if err := g.client.Download(ctx, url, part, fetch.Options{MaxSize: maxArchive}); err != nil {
			if isMissing(err) {
				_ = os.Remove(part) // best effort: it is empty
			}
			return release.Archive{}, err
		}
		if err := os.Rename(part, kept); err != nil {
			return release.Archive{}, err
		}
	}
	return hashFile(ctx, kept, url)
}

// hashFile returns the archive that a file is.
func hashFile(ctx context.Context, file, from string) (release.Archive, error) {
	f, err := os.Open(file)
	if err != nil {
		return release.Archive{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return release.Archive{}, err
	}
	d, err := archive.Digest(ctx, f, "sha256")
	return release.Archive{From: from, Digest: d, Size: info.Size()}, err
}

// sizes fills in how large archives are, where their servers say so in time. A size is a hint: what cannot be
// learnt stays 0. It returns the error of a server that says that an archive does not exist.
func (g getter) sizes(ctx context.Context, archives map[release.Platform]release.Archive) error {
	ctx, cancel := context.WithTimeout(ctx, sizePatience)
	defer cancel()
	urls := map[string]int64{}
	for _, a := range archives {
		if a.Size == 0 {
			urls[a.From] = 0
		}
	}
	var mu sync.Mutex
	var missing []error
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, u := range slices.Sorted(maps.Keys(urls)) {
		group.Go(func() error {
			size, err := g.client.Size(ctx, u)
			mu.Lock()
			defer mu.Unlock()
			urls[u] = max(size, 0)
			if errors.Is(err, os.ErrNotExist) {
				missing = append(missing, err)
			}
			return nil
		})
	}
	_ = group.Wait() // no size is not an error
	for p, a := range archives {
		if a.Size == 0 {
			a.Size = urls[a.From]
			archives[p] = a
		}
	}
	return errors.Join(missing...)
}

// checkArchiveURL lets through https, and plain http on this machine itself. It is for URLs that an upstream states, and for
// those in a lock that was edited.
func checkArchiveURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("is no http or https URL")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return errPlain
}

// errPlain says that a URL is not one that nobody on the way can change the answer to.
var errPlain = errors.New("want an https URL")

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// baseName returns the name of the file that a URL names.
func baseName(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return path.Base(rawURL)
	}
	return path.Base(u.Path)
}

// platformNames returns the names of platforms, sorted as platforms are.
func platformNames(list []release.Platform) []string {
	var names []string
	for _, p := range slices.SortedFunc(slices.Values(list), release.Platform.Compare) {
		names = append(names, p.String())
	}
	return slices.Compact(names)
}

// Doubt is told that what was downloaded for an item is wrong. It reports whether upstream itself may serve something else than the mirrors
// did.
func (g getter) Doubt(item release.Item) bool { return g.client.Distrust(item.Archive.From) }
