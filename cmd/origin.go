package cmd

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"gostore/internal/digest"
	"gostore/internal/fetch"
	"gostore/internal/install"
	"gostore/internal/project"
	"gostore/internal/release"
	"gostore/internal/source/asset"
	"gostore/lock"
)

// origin is what the flags of "gostore lock" say of a tool that no index lists.
type origin struct {
	url, path string
	digests   []string // DIGEST or OS/ARCH=DIGEST
	firstUse  bool
	bin       []string
	commands  map[string]string
	platforms []string
}

// flags adds the flags to a command.
func (o *origin) flags(f *pflag.FlagSet) {
	f.StringVar(&o.url, "url", "", "lock an archive or a program at this URL, in which {version}, {os} and {arch} are replaced")
	f.StringVar(&o.path, "path", "", "lock this archive, program or directory")
	f.StringArrayVar(&o.digests, "digest", nil, "alone: only print the `key` of a cache for this platform. With --url: [OS/ARCH=]sha256:... or sha512-... of the archive, once for each platform")
	f.Lookup("digest").NoOptDefVal = bareDigest
	f.BoolVar(&o.firstUse, "trust-on-first-use", false, "download what nobody states a digest of, and lock the digest that it has; the lock says so")
	f.StringArrayVar(&o.bin, "bin", nil, "with --url or --path: directory of commands in the archive, may be repeated; else bin, else the top")
	f.StringToStringVar(&o.commands, "command", nil, "with --url or --path: NAME=PATH, a command and its path in the archive, may be repeated")
	f.StringSliceVar(&o.platforms, "platform", nil, "with --url or --path: the platforms to lock, separated by commas")
}

// given reports whether a tool is locked by its URL or path.
func (o origin) given() bool { return o.url != "" || o.path != "" }

// check reports flags that do not go together.
func (o origin) check() error {
	switch {
	case o.url != "" && o.path != "":
		return usagef("--url and --path exclude each other")
	case o.url == "" && len(o.digests) > 0:
		return usagef("--digest is for --url")
	case o.path != "" && o.firstUse:
		return usagef("--trust-on-first-use is for what is downloaded, not for --path")
	case !o.given() && len(o.bin)+len(o.commands)+len(o.platforms) > 0:
		return usagef("--bin, --command and --platform are for --url and --path")
	case o.firstUse && len(o.digests) > 0:
		return usagef("--digest and --trust-on-first-use exclude each other")
	}
	return nil
}

// layout returns what --bin and --command say. Paths are inside of the tree.
func (o origin) layout() (release.Layout, error) {
	l := release.Layout{Names: o.commands}
	for _, dir := range o.bin {
		l.Dirs = append(l.Dirs, path.Clean(filepath.ToSlash(dir)))
	}
	for _, p := range slices.Concat(l.Dirs, slices.Collect(maps.Values(o.commands))) {
		if !filepath.IsLocal(p) {
			return l, usagef("path %q: want one inside of the archive", p)
		}
	}
	for name := range o.commands {
		if name == "" || strings.ContainsAny(name, "/ ") {
			return l, usagef("command %q: want a plain name", name)
		}
	}
	return l, nil
}

// stated reads the values of --digest.
func (o origin) stated() (one digest.Archive, each map[release.Platform]digest.Archive, err error) {
	each = map[release.Platform]digest.Archive{}
	for _, s := range o.digests {
		name, text, split := strings.Cut(s, "=")
		p, platformErr := release.ParsePlatform(name)
		if !split || platformErr != nil { // base64 may end with "="
			text = s
		}
		d, err := digest.ParseArchive(text)
		switch {
		case err != nil:
			return one, nil, usagef("--digest: %v", err)
		case text == s && !one.IsZero(), !each[p].IsZero():
			return one, nil, usagef("--digest %s: another one is given for the same platform", s)
		case text == s:
			one = d
		default:
			each[p] = d
		}
	}
	if !one.IsZero() && len(each) > 0 {
		return one, nil, usagef("--digest: give one for each platform, as OS/ARCH=DIGEST, or one alone")
	}
	return one, each, nil
}

// planOrigin locks a tool by its URL or path.
func (a *app) planOrigin(ctx context.Context, p project.Project, args []string, o lockOptions) (lockPlan, error) {
	if len(args) != 1 {
		return lockPlan{}, usagef("--url and --path lock one tool: give one TOOL@VERSION")
	}
	r, err := release.ParseRequest(args[0])
	if err != nil {
		return lockPlan{}, usagef("%v", err)
	}
	if r.Source != "" {
		return lockPlan{}, usagef("%s: a source is not written out beside --url and --path", args[0])
	}
	source, err := a.originSource(ctx, p, o.origin)
	if err != nil {
		return lockPlan{}, err
	}
	var platforms []release.Platform
	if len(o.origin.platforms) > 0 {
		if platforms, err = parsePlatforms(o.origin.platforms); err != nil {
			return lockPlan{}, err
		}
	}
	found, err := source.Resolve(ctx, r, platforms)
	if err != nil {
		return lockPlan{}, fmt.Errorf("locking %s: %w", r, err)
	}
	t := lock.Of(found, versionOr(r.Version, found.Version), false)
	plan := lockPlan{tools: []lock.Tool{t}, reasons: []string{reason(r.String(), r, " is ", t)}}
	if t.FirstUse {
		a.ui.warn("nobody states a digest for %s@%s: the lock has that of what was served now", t.Name, t.Version)
	}
	plan.change = func(f *lock.File) error {
		t.Extra = o.add && len(f.Find(t.Name)) > 0
		f.Set(t)
		return nil
	}
	return plan, nil
}

// versionOr returns what was asked for, where that is a version.
func versionOr(asked, found string) string {
	if asked == release.Latest {
		return found
	}
	return asked
}

// originSource returns the source that the flags describe.
func (a *app) originSource(ctx context.Context, p project.Project, o origin) (install.Source, error) {
	layout, err := o.layout()
	if err != nil {
		return nil, err
	}
	if o.path != "" {
		return asset.NewPath(asset.PathConfig{Dir: p.Dir, Path: a.fromLock(p, o.path), Layout: layout}), nil
	}
	one, each, err := o.stated()
	if err != nil {
		return nil, err
	}
	client, err := a.client(sourceURL)
	if err != nil {
		return nil, err
	}
	c := asset.URLConfig{Client: client, Template: o.url, Digest: one, Digests: each, Layout: layout}
	if o.firstUse {
		if c.FirstUse, err = a.scratch(ctx); err != nil {
			return nil, err
		}
	}
	s := asset.NewURL(c)
	if a.sources == nil {
		a.sources = map[string]install.Source{}
	}
	a.sources[sourceURL] = s // it knows what it has downloaded
	return s, nil
}

// fromLock returns a path as seen from the lock's directory: then the project can be moved, and read elsewhere.
func (a *app) fromLock(p project.Project, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	if rel, err := filepath.Rel(p.Dir, a.cfg.abs(path)); err == nil {
		return rel
	}
	return a.cfg.abs(path)
}

// scratch makes a directory for what is needed during this command only. One that a killed command leaves is collected as a
// partial download.
func (a *app) scratch(ctx context.Context) (string, error) {
	st, err := a.openStore()
	if err != nil {
		return "", err
	}
	part, err := st.Part(ctx, digest.SHA256([]byte("gostore scratch "+rand.Text())))
	if err != nil {
		return "", err
	}
	a.once.end.Lock()
	a.atEnd = append(a.atEnd, func() { _ = part.Done() }) // best effort: see above
	a.once.end.Unlock()
	dir := fetch.PartDir(part.Path())
	return dir, os.Mkdir(dir, 0o700)
}
