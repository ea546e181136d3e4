package check

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/tree"
)

// mostFiles bounds how many files of one directory are named: a vendor directory of another version has thousands.
const mostFiles = 50

// VendorDir is what is known of a recorded vendor directory.
type VendorDir struct {
	Path string      // as the lock has it, "tools/vendor"
	Want digest.Tree // recorded
	Is   tree.Manifest
	Err  error // why there is no manifest: fs.ErrNotExist, a *tree.PathError, …
	// Was is the manifest with the recorded digest, where it is still known: then the files that differ can be named.
	Was   tree.Manifest
	Known bool // Was is one
}

// Vendor compares vendor directories with their records. dir is the project's directory, path and data are the lock.
func Vendor(dir, path string, data []byte, dirs []VendorDir) []Finding {
	var found []Finding
	for _, d := range dirs {
		at := Finding{Rule: RuleVendor, Severity: Error, Class: Integrity, File: path, Line: vendorLine(data, d.Path),
			Mend: "to undo it: gostore shell -- go mod vendor; if it is meant: gostore lock --vendor"}
		root := filepath.Join(dir, filepath.FromSlash(d.Path))
		var odd *tree.PathError
		switch {
		case errors.As(d.Err, &odd):
			at.File, at.Line, at.Message = filepath.Join(root, filepath.FromSlash(odd.Path)), 1, odd.Reason+", so the directory cannot be what is recorded"
			found = append(found, at)
		case d.Err != nil:
			at.Message = fmt.Sprintf("%s is recorded, but cannot be read: %v", d.Path, d.Err)
			found = append(found, at)
		case d.Is.Digest() == d.Want:
		case !d.Known:
			at.Message = fmt.Sprintf("%s has the tree digest %s, not the one recorded here; which files differ is not known on this machine", d.Path, d.Is.Digest())
			found = append(found, at)
		default:
			found = append(found, differences(at, root, d)...)
		}
	}
	return found
}

// differences names the files in which a vendor directory is not what is recorded.
func differences(at Finding, root string, d VendorDir) []Finding {
	var found []Finding
	changes := slices.DeleteFunc(tree.Diff(d.Was, d.Is), func(c tree.Change) bool { // what is in a directory says enough
		return c.Was == nil && c.Is.Kind == tree.Dir || c.Is == nil && c.Was.Kind == tree.Dir
	})
	for i, c := range changes {
		if i == mostFiles {
			at.Message = fmt.Sprintf("%s differs from what is recorded in %d more files", d.Path, len(changes)-mostFiles)
			found = append(found, at)
			break
		}
		f := at
		f.File, f.Line, f.Message = filepath.Join(root, filepath.FromSlash(c.Path)), 1, change(c)
		found = append(found, f)
	}
	if len(found) == 0 { // only empty directories, which no version control keeps
		at.Message = fmt.Sprintf("%s differs from what is recorded only in empty directories", d.Path)
		found = append(found, at)
	}
	return found
}

func change(c tree.Change) string {
	switch {
	case c.Is == nil:
		return "was removed since it was recorded"
	case c.Was == nil:
		return "was added since it was recorded"
	case c.Was.Kind != c.Is.Kind:
		return fmt.Sprintf("was recorded as %v, but is %v", c.Was.Kind, c.Is.Kind)
	}
	return "was changed since it was recorded"
}

// Vendored compares a go.mod with the modules.txt of its vendor directory, as the go command does before it builds; list is what
// ParseModules read from the file at path. In the vendor directory of a workspace a module may have a version above the one required.
func Vendored(mod GoFile, path string, list []VendoredModule, workspace bool) []Finding {
	var found []Finding
	add := func(file string, line int, format string, args ...any) {
		found = append(found, Finding{Rule: RuleVendor, Severity: Error, File: file, Line: line, Message: fmt.Sprintf(format, args...), Mend: "gostore shell -- go mod vendor"})
	}
	short := filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path)
	by := map[string]VendoredModule{}
	for _, v := range list {
		by[v.Path] = v
	}
	for _, n := range mod.Needs {
		switch v, ok := by[n.Path]; {
		case !ok && n.Indirect: // one of which no package is needed may be absent
		case !ok:
			add(mod.Path, n.Line, "%s %s is required, but %s does not have it", n.Path, n.Version, short)
		case v.Version != n.Version && !workspace:
			add(mod.Path, n.Line, "%s %s is required, but %s:%d has %s", n.Path, n.Version, short, v.Line, v.Version)
		}
	}
	if workspace {
		return found
	}
	for _, v := range list {
		needed := slices.ContainsFunc(mod.Needs, func(n Need) bool { return n.Path == v.Path })
		if v.Explicit && !needed && mod.Module != "" {
			add(path, v.Line, "%s %s is vendored as required, but go.mod does not require it", v.Path, v.Version)
		}
	}
	return found
}

// VendoredModule is one module in a modules.txt.
type VendoredModule struct {
	Path, Version string // Version is "" where a replacement stands for all versions
	Explicit      bool   // go.mod requires it
	By            string // what replaces it, "PATH" or "PATH VERSION"; "" where nothing does
	Line          int
}

// ParseModules reads vendor/modules.txt, which "go mod vendor" writes:
//
//	# PATH VERSION [=> PATH [VERSION]]    a module
//	## explicit; go 1.21                  what holds for it
//	## workspace                          the file is that of a workspace; at its beginning
//	path/of/package                       a package of the module above
//
// Lines that it does not know are passed over: the go command may write more than is known here.
func ParseModules(data []byte) (list []VendoredModule, workspace bool) {
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		words := strings.Fields(line)
		switch {
		case len(words) > 1 && words[0] == "##" && len(list) == 0:
			workspace = workspace || words[1] == "workspace"
		case len(words) > 1 && words[0] == "##":
			explicit := slices.ContainsFunc(words[1:], func(w string) bool { return strings.TrimSuffix(w, ";") == "explicit" })
			list[len(list)-1].Explicit = list[len(list)-1].Explicit || explicit
		case len(words) > 1 && words[0] == "#":
			v := VendoredModule{Path: words[1], Line: number}
			if len(words) > 2 && words[2] != "=>" {
				v.Version = words[2]
			}
			if i := slices.Index(words, "=>"); i >= 0 {
				v.By = strings.Join(words[i+1:], " ")
			}
			list = append(list, v)
		}
	}
	return list, workspace
}
