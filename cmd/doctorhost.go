package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gostore/gc"
	"gostore/internal/doctor"
	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/loader"
	"gostore/internal/project"
	"gostore/internal/release"
	"gostore/internal/roots"
	"gostore/internal/source/goproxy"
	"gostore/internal/sys"
	"gostore/internal/tree"
	"gostore/lock"
	"gostore/profile"
	"gostore/store"
)

// doctorHost collects what the probes may ask. What cannot be had is left out, or is itself something to find: no
// error here is one of the command.
func (a *app) doctorHost(ctx context.Context) *doctor.Host {
	h := &doctor.Host{
		Environ: a.cfg.Environ, Before: a.cfg.process().WithoutHook().Environ, Dir: a.cfg.Dir, Etc: systemSettings, UID: os.Getuid(), Umask: umask(), Now: time.Now(), Version: version,
		Loader: loader.Host{Arch: release.Host().Arch, LibraryPath: a.cfg.getenv("LD_LIBRARY_PATH")},
		Statfs: doctor.StatFilesystem, Lock: doctor.TryLock, Run: doctor.RunCommand, Dial: doctor.DialTCP,
	}
	h.Mounts, _ = os.ReadFile("/proc/mounts") // other systems have none
	h.Self, _ = os.Executable()               // "" is not known
	a.meetStore(h)
	conf, err := a.config()
	h.ConfigErr = err
	h.Offline = conf.Offline || a.offlineFlag
	a.meetProject(h)
	a.meetProfiles(h)
	a.meetRoots(h)
	if err == nil {
		a.meetUpstreams(ctx, h)
	}
	return h
}

// umask returns the mask of this process. It can only be read by setting it; nothing makes files meanwhile.
func umask() int {
	mask := unix.Umask(0o077)
	unix.Umask(mask)
	return mask
}

// meetStore opens the store if there is one. It makes none.
func (a *app) meetStore(h *doctor.Host) {
	root, err := a.cfg.rootDir()
	if err != nil {
		h.StoreErr = err
		return
	}
	h.Root = root
	if a.storeExists() {
		h.Store, h.StoreErr = a.openStore()
		return
	}
	if h.StoreErr = wouldServe(root); h.StoreErr == nil {
		h.StoreErr = a.cfg.process().StoreOptions().Judge(root)
	}
}

// wouldServe returns why no store can be made in dir.
func wouldServe(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return &store.RootError{Dir: dir, Problem: "is not a directory"}
	case err == nil:
		entries, err := os.ReadDir(dir)
		if err != nil {
			return &store.RootError{Dir: dir, Problem: "cannot be read", Err: err}
		}
		begun := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "store" })
		if len(entries) > 0 && !begun {
			return &store.RootError{Dir: dir, Problem: "is not empty and is not a store"}
		}
		return notWritable(dir, dir)
	}
	above := filepath.Dir(dir)
	for above != filepath.Dir(above) {
		if _, err := os.Stat(above); err == nil {
			break
		}
		above = filepath.Dir(above)
	}
	return notWritable(dir, above)
}

func notWritable(dir, above string) error {
	if err := sys.Access(above, unix.W_OK); err != nil {
		return &store.RootError{Dir: dir, Problem: fmt.Sprintf("cannot be made in %q", above), Err: err}
	}
	return nil
}

// meetProject adds the project's tools.
func (a *app) meetProject(h *doctor.Host) {
	p, err := project.Find(a.cfg.Dir)
	if err != nil || p.Lock == "" {
		if err != nil && !errors.Is(err, project.ErrNone) {
			h.Project.Err = err
		}
		return
	}
	h.Project.Lock = p.Lock
	f, _, err := readLock(p)
	if err != nil {
		h.Project.Err = err
		return
	}
	for _, t := range f.Tools {
		a.meetLocked(h, p.Lock, t)
	}
}

// meetLocked adds a locked tool, with its commands where it is installed.
func (a *app) meetLocked(h *doctor.Host, from string, t lock.Tool) {
	if h.Store != nil {
		tree := lockedTree(h.Store, t, release.Host())
		if _, err := h.Store.Lookup(tree); err == nil {
			if source, err := a.source(t.Source); err == nil {
				a.meetTool(h, asEnvironment(t, source, release.Host(), tree), from, false)
			}
			return
		}
	}
	h.Project.Missing = append(h.Project.Missing, t.Name+"@"+t.Version)
	if !t.Extra {
		h.Wanted = append(h.Wanted, doctor.Command{Name: path.Base(t.Name), Tool: t.Name, Version: t.Version, From: from})
	}
}

// meetTool adds a tool that is installed, and its commands.
func (a *app) meetTool(h *doctor.Host, t environment.Tool, from string, ofProfile bool) {
	o, err := h.Store.Lookup(t.Tree)
	if err != nil {
		return
	}
	m, err := h.Store.Manifest(t.Tree)
	if err != nil {
		return // it is damaged, which the store's probe finds
	}
	commands, err := t.Commands(m)
	if err != nil {
		return
	}
	dir := h.Store.Path(o)
	tool := doctor.Tool{Label: t.String(), Dir: dir}
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		file := filepath.Join(dir, commands[name])
		h.Wanted = append(h.Wanted, doctor.Command{Name: name, Path: file, Tool: t.Name, Version: t.Version, From: from, OfProfile: ofProfile})
		tool.Programs = append(tool.Programs, file)
	}
	if slices.ContainsFunc(h.Tools, func(o doctor.Tool) bool { return o.Dir == dir }) {
		return // in the project and in the profile
	}
	for _, e := range m.Entries() {
		if file := filepath.Join(dir, e.Path); e.Kind == tree.Exec && !slices.Contains(tool.Programs, file) {
			tool.Parts = append(tool.Parts, file)
		}
	}
	h.Tools = append(h.Tools, tool)
}

// meetProfiles adds the profiles, and the tools of those that people expect on PATH: the default one, and whichever is there.
func (a *app) meetProfiles(h *doctor.Host) {
	if h.Store == nil {
		return
	}
	names, err := profile.List(h.Store)
	if err != nil {
		return // the store's probe looks at what is there
	}
	entries := filepath.SplitList(a.cfg.getenv("PATH"))
	for _, name := range names {
		p, err := profile.Open(h.Store, name)
		if err != nil {
			continue
		}
		s := doctor.ProfileState{Name: name, Bin: filepath.Join(p.Dir(), "bin")}
		s.Generations, _ = p.Generations() // the current one says whether anything is wrong
		current, err := p.Tools()
		var none *profile.NoGenerationError
		switch {
		case err == nil:
			s.Current = current.Number
		case !errors.As(err, &none):
			s.Err = err
		}
		h.Profiles = append(h.Profiles, s)
		if name != profile.Default && !slices.Contains(entries, s.Bin) {
			continue
		}
		for _, t := range current.Tools {
			a.meetTool(h, t, fmt.Sprintf("profile %q", name), true)
		}
	}
}

// meetRoots lets the probes ask what keeps objects. That is found out once, and only when it is asked for.
func (a *app) meetRoots(h *doctor.Host) {
	if h.Store == nil {
		return
	}
	h.Registered = func() []doctor.Registered {
		var list []doctor.Registered
		for p, err := range roots.List(enter.RootsDir(h.Store)) {
			r := doctor.Registered{Project: p, RecordErr: err}
			if err == nil {
				_, r.LockErr = lock.Read(p.Lock)
			}
			list = append(list, r)
		}
		return list
	}
	var once sync.Once
	var kept doctor.Kept
	var failure error
	h.Kept = func(ctx context.Context) (doctor.Kept, error) {
		once.Do(func() { kept, failure = a.whatIsKept(ctx, h) })
		return kept, failure
	}
}

func (a *app) whatIsKept(ctx context.Context, h *doctor.Host) (doctor.Kept, error) {
	plan, err := gc.Plan(ctx, h.Store, a.readRoots(pruned{}), gc.Options{})
	if err != nil {
		return doctor.Kept{}, err
	}
	kept := doctor.Kept{Alone: map[string]int64{}}
	for _, r := range plan.Roots {
		kept.Alone[r.Kind+" "+r.Name] = r.Alone
	}
	for _, o := range plan.Dead {
		kept.Dead += o.Size
	}
	kept.Leftovers, err = h.Store.Reclaimable(nil, store.CleanOptions{PartsBefore: h.Now.Add(-partAge)})
	return kept, err
}

// meetUpstreams adds the servers that are configured, and how to ask them for the time.
func (a *app) meetUpstreams(ctx context.Context, h *doctor.Host) {
	wantsGo := slices.ContainsFunc(h.Wanted, func(c doctor.Command) bool { return c.Tool == goTool })
	if wantsGo || a.cfg.getenv("GOPROXY") != "" {
		h.ModuleProxy.Value, h.ModuleProxy.Origin, h.ModuleProxy.Err = a.moduleProxies(ctx)
		if none := (*goproxy.NoProxyError)(nil); errors.As(h.ModuleProxy.Err, &none) {
			h.ModuleProxy.Err = nil // Go toolchains come from go.dev then
		}
	}
	conf, _ := a.config() // the caller has looked
	h.Registry.Value = cmp.Or(a.cfg.getenv("NPM_CONFIG_REGISTRY"), conf.Registry)
	h.Registry.Origin = "the configuration"
	if a.cfg.getenv("NPM_CONFIG_REGISTRY") != "" {
		h.Registry.Origin = "environment variable NPM_CONFIG_REGISTRY"
	}
	client, err := a.client("")
	if err != nil {
		h.ConfigErr = err
		return
	}
	h.ServerDate = client.Date
}
