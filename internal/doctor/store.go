package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/guard"
	"gostore/internal/tree"
	"gostore/store"
)

var storeProbe = Probe{
	Name: "store", About: "the store: format, owners, modes, where it lies, a sample of its objects, the profiles",
	Kinds: []Kind{
		{"store-unusable", "the directory cannot serve as a store"},
		{"store-owner", "something in the store belongs to another user"},
		{"store-writable", "others may write in the store"},
		{"store-object", "an object is not what its manifest says"},
		{"store-aside", "a damaged object was set aside"},
		{"store-synced", "the store lies in a folder that a program copies to elsewhere"},
		{"store-twofold", "a start file names another store than the one in use"},
		{"store-path", "the path of the store cannot be used everywhere"},
		{"umask-open", "files that are made can be written by others"},
		{"profile-broken", "a profile's current generation cannot be used"},
	},
	run: func(ctx context.Context, h *Host) []Finding {
		found := slices.Concat(h.unusable(), h.storePath(), h.twofold(), h.synced(), h.umask(), h.brokenProfiles())
		if h.Root != "" && exists(h.Root) {
			found = slices.Concat(found, h.owners(), h.sample(ctx), h.asides())
		}
		return found
	},
}

func (h *Host) unusable() []Finding {
	if h.StoreErr == nil {
		return nil
	}
	f := Finding{
		ID: "store-unusable", Severity: Problem, Subject: cmp.Or(h.Root, "GOSTORE_ROOT"), Evidence: lines(h.StoreErr),
		Title: "the directory cannot serve as a store", Mend: []string{"export GOSTORE_ROOT=DIR # with DIR on a local disk that is yours"},
	}
	if fault := (*guard.Error)(nil); errors.As(h.StoreErr, &fault) {
		f.Mend = append([]string{"ls -ld " + quote(fault.Path)}, f.Mend...)
	} else if h.Root == "" {
		f.Title = "there is no place for a store"
	} else {
		f.Mend = append([]string{"ls -ld " + quote(h.Root)}, f.Mend...)
	}
	return []Finding{f}
}

// parts returns the root and what is directly in it.
func (h *Host) parts() []string {
	list := []string{h.Root}
	entries, _ := os.ReadDir(h.Root) // best effort: of one that cannot be listed the store says so
	for _, e := range entries {
		list = append(list, filepath.Join(h.Root, e.Name()))
	}
	return list
}

// owners looks at whose the store's directories are, and who may write in them.
func (h *Host) owners() []Finding {
	var foreign, open []string
	for _, path := range h.parts() {
		info, err := os.Lstat(path)
		st, ok := stat(info, err)
		if !ok || info.Mode()&fs.ModeSymlink != 0 {
			continue
		}
		if int(st.Uid) != h.UID {
			foreign = append(foreign, fmt.Sprintf("%s belongs to uid %d, and this is uid %d", h.short(path), st.Uid, h.UID))
		}
		if info.Mode().Perm()&0o022 != 0 {
			open = append(open, fmt.Sprintf("%s has mode %v", h.short(path), info.Mode()))
		}
	}
	var found []Finding
	if foreign != nil {
		f := Finding{ID: "store-owner", Severity: Problem, Subject: h.Root, Evidence: firstOf(foreign), Mend: []string{"sudo chown -R \"$(id -un)\" " + quote(h.Root)},
			Title: "something in the store belongs to another user, perhaps since a gostore was run with sudo: it cannot be changed or removed"}
		if h.UID == 0 {
			f.Severity, f.Title = Warning, "this is root, and the store is somebody's: what root made there, its owner could not change or remove"
			f.Mend = []string{"# run gostore as the owner, without sudo"}
		}
		found = append(found, f)
	}
	if open != nil {
		found = append(found, Finding{ID: "store-writable", Severity: Problem, Subject: h.Root, Evidence: open, Mend: []string{"chmod go-w " + quote(h.Root) + "/{,*/}"},
			Title: "others may write in the store: they decide what is started from it"})
	}
	return found
}

// firstOf keeps one of many lines that say the same.
func firstOf(lines []string) []string {
	if len(lines) < 2 {
		return lines
	}
	return []string{lines[0], fmt.Sprintf("and %d more", len(lines)-1)}
}

// How much of the store is compared with its manifests.
const (
	sampledObjects = 24
	sampledEntries = 4_000
)

// sample compares some objects with their manifests: whether each entry is there, of the right kind and size.
func (h *Host) sample(ctx context.Context) []Finding {
	if h.Store == nil {
		return nil
	}
	objects, err := h.Store.Objects()
	if err != nil {
		return nil // the probe of what is unusable says so
	}
	var found []Finding
	step := max(1, len(objects)/sampledObjects)
	for i := 0; i < len(objects) && ctx.Err() == nil; i += step {
		if _, layered := h.Store.LayerOf(objects[i]); layered {
			continue // the probe of the layers looks at it
		}
		if faults := h.compare(objects[i], sampledEntries/sampledObjects); faults != nil {
			o := objects[i]
			found = append(found, Finding{
				ID: "store-object", Severity: Problem, Subject: o.Name + "@" + o.Version, Evidence: few(faults),
				Title: fmt.Sprintf("the object %s is not what its manifest says", o), Mend: []string{"gostore verify --repair " + quote(o.Tree.String())},
			})
		}
	}
	return found
}

// compare looks at up to n entries of an object, spread over it.
func (h *Host) compare(o store.Object, n int) []string {
	dir := h.Store.Path(o)
	m, err := h.Store.KeptManifest(o.Tree)
	if err != nil {
		return []string{"its manifest cannot be read: " + err.Error()}
	}
	entries := m.Entries()
	var faults []string
	for i := 0; i < len(entries); i += max(1, len(entries)/n) {
		if why := differs(filepath.Join(dir, entries[i].Path), entries[i]); why != "" && exists(dir) { // else it was collected meanwhile
			faults = append(faults, entries[i].Path+" "+why)
		}
	}
	return faults
}

func differs(path string, e tree.Entry) string {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return "is not there"
	case e.Kind == tree.Dir && !info.IsDir(), e.Kind == tree.Link && info.Mode()&fs.ModeSymlink == 0:
		return "is of another kind"
	case (e.Kind == tree.File || e.Kind == tree.Exec) && !info.Mode().IsRegular():
		return "is of another kind"
	case (e.Kind == tree.File || e.Kind == tree.Exec) && info.Size() != e.Size:
		return fmt.Sprintf("has %d bytes instead of %d", info.Size(), e.Size)
	case e.Kind == tree.Exec && info.Mode()&0o111 == 0:
		return "is not executable"
	}
	return ""
}

// synchronised are parts of paths of folders that a program copies to other machines, and files that such programs leave at the top of theirs.
var (
	synchronised = []string{"/Dropbox/", "/OneDrive", "/Google Drive/", "/GoogleDrive/", "/CloudStorage/", "/Mobile Documents/", "/Nextcloud/", "/ownCloud/", "/pCloud Drive/", "/Syncthing/"}
	syncMarks    = []string{".stfolder", ".dropbox.cache", ".sync_root", ".nextcloudsync.log", ".owncloudsync.log"}
)

func (h *Host) synced() []Finding {
	if h.Root == "" {
		return nil
	}
	why := ""
	for _, part := range synchronised {
		if strings.Contains(realPath(h.Root)+"/", part) {
			why = "its path has " + strings.Trim(part, "/") + " in it"
		}
	}
	for dir := h.Root; why == "" && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		for _, mark := range syncMarks {
			if exists(filepath.Join(dir, mark)) {
				why = h.short(filepath.Join(dir, mark)) + " is there"
			}
		}
	}
	if why == "" {
		return nil
	}
	return []Finding{{
		ID: "store-synced", Severity: Warning, Subject: h.Root, Evidence: []string{why},
		Title: "the store lies in a folder that a program copies elsewhere: it renames, locks and writes at the same time, and uploads gigabytes",
		Mend:  []string{"export GOSTORE_ROOT=DIR # with DIR outside of the folder"},
	}}
}

// maxRoot is how long the path of the store may be so that scripts in it still start: a first line of 127 bytes is what every system reads
// whole, and an object's name takes 90 of the 255 that newer ones read.
const maxRoot = 120

func (h *Host) storePath() []Finding {
	f := Finding{ID: "store-path", Severity: Problem, Subject: h.Root, Evidence: []string{"the store is in " + h.Root}, Mend: []string{"export GOSTORE_ROOT=DIR # with a short DIR without special characters"}}
	switch {
	case strings.Contains(h.Root, ":"):
		f.Title = "the path of the store has a \":\" in it, which separates the entries of PATH: its directories cannot be on PATH"
	case strings.ContainsAny(h.Root, "\n\r\t"):
		f.Title = "the path of the store has a line break or tab in it, which programs take for the end of a path"
	case len(h.Root) > maxRoot:
		f.Severity = Warning
		f.Title = fmt.Sprintf("the path of the store has %d bytes: systems that cut the first line of scripts start none from there", len(h.Root))
	default:
		return nil
	}
	return []Finding{f}
}

// twofold looks for start files that name another store: shells that read them have other tools.
func (h *Host) twofold() []Finding {
	var others []setting
	for _, s := range h.settings("GOSTORE_ROOT") {
		if s.from == byStartFile && filepath.IsAbs(s.value) && !strings.Contains(s.value, "$") && h.Root != "" && realPath(s.value) != realPath(h.Root) {
			others = append(others, s)
		}
	}
	if others == nil {
		return nil
	}
	return []Finding{{
		ID: "store-twofold", Severity: Warning, Subject: "GOSTORE_ROOT", Evidence: append(evidence(others), "the store in use is "+h.short(h.Root)), Mend: mends(others),
		Title: "a start file names another store than the one in use here: shells that read it have other tools and profiles",
	}}
}

func (h *Host) umask() []Finding {
	if h.Umask&0o002 != 0 {
		return nil
	}
	return []Finding{{
		ID: "umask-open", Severity: Warning, Subject: "umask", Evidence: []string{fmt.Sprintf("the umask is %04o", h.Umask)},
		Title: "files and directories that are made can be written by everybody", Mend: []string{"umask 022"},
	}}
}

func (h *Host) brokenProfiles() []Finding {
	var found []Finding
	for _, p := range h.Profiles {
		if p.Err == nil {
			continue
		}
		f := Finding{ID: "profile-broken", Severity: Problem, Subject: p.Name, Evidence: lines(p.Err), Mend: []string{"gostore generations --profile " + p.Name},
			Title: fmt.Sprintf("the current generation of profile %s cannot be used", p.Name)}
		for i := len(p.Generations) - 1; i >= 0; i-- {
			if g := p.Generations[i]; g.Number != p.Current && g.Problem == "" {
				f.Mend = append(f.Mend, fmt.Sprintf("gostore rollback --profile %s %d", p.Name, g.Number))
				break
			}
		}
		found = append(found, f)
	}
	return found
}
