package tree

import (
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a path. A name of 255 bytes fits every common file system (255 bytes, or 255
// UTF-16 units); 4096 is Linux's PATH_MAX. The depth bounds the file descriptors that
// walking a tree needs; Go trees are at most 13 deep, npm's seldom more than 30.
const (
	maxName   = 255
	maxPath   = 4096
	maxDepth  = 100
	maxTarget = 4095
)

// PathError says why a path cannot be in a tree.
type PathError struct {
	Path   string
	Reason string
}

func (e *PathError) Error() string { return fmt.Sprintf("path %q: %s", e.Path, e.Reason) }

// CheckPath reports whether a path can be in a tree: relative and clean with slashes as for
// fs.ValidPath, and not "." itself; at most 4096 bytes and 100 names deep; and made of names
// that can exist on every common system. Such a name has at most 255 bytes of valid UTF-8 without
// control characters and without any of <>:"|?*\, ends neither in a dot nor in a
// space, and is not one that Windows reserves for a device (NUL, com1.txt).
// An error is a *PathError.
//
// These are nearly the rules that cmd/go has for file names in modules, so every Go toolchain
// that is served as a module obeys them.
func CheckPath(path string) error {
	if reason := pathProblem(path); reason != "" {
		return &PathError{path, reason}
	}
	return nil
}

func pathProblem(path string) string {
	switch {
	case !utf8.ValidString(path):
		return "is not valid UTF-8"
	case !fs.ValidPath(path) || path == ".":
		return "is not a clean relative path"
	case len(path) > maxPath:
		return fmt.Sprintf("is longer than %d bytes", maxPath)
	case strings.Count(path, "/") >= maxDepth:
		return fmt.Sprintf("is more than %d names deep", maxDepth)
	}
	for name := range strings.SplitSeq(path, "/") {
		if reason := nameProblem(name); reason != "" {
			return reason
		}
	}
	return ""
}

func nameProblem(name string) string {
	if len(name) > maxName {
		return fmt.Sprintf("has a name of more than %d bytes", maxName)
	}
	for _, r := range name {
		switch r {
		case '<', '>', ':', '"', '|', '?', '*', '\\':
			return fmt.Sprintf("contains %q, which not every system allows", r)
		}
		if unicode.IsControl(r) {
			return fmt.Sprintf("contains the control character %U", r)
		}
	}
	if last := name[len(name)-1]; last == '.' || last == ' ' {
		return fmt.Sprintf("has a name that ends in %q, which not every system allows", last)
	}
	if isDevice(name) {
		return fmt.Sprintf("has the name %q, which Windows reserves for a device", name)
	}
	return ""
}

// isDevice reports whether Windows takes a file of this name for a device, as it does
// whatever follows the first dot and in whatever case. The list is from Microsoft's "Naming
// Files, Paths, and Namespaces".
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.TrimRight(base, " ")
	for _, device := range [...]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} {
		if strings.EqualFold(base, device) {
			return true
		}
	}
	if len(base) < len("COM1") {
		return false
	}
	port, number := base[:3], base[3:]
	return (strings.EqualFold(port, "COM") || strings.EqualFold(port, "LPT")) &&
		utf8.RuneCountInString(number) == 1 && strings.Contains("123456789¹²³", number)
}

// targetProblem says what is wrong with a link's target, or nothing.
func targetProblem(target string) string {
	switch {
	case target == "":
		return "is a link without target"
	case len(target) > maxTarget:
		return fmt.Sprintf("has a link target of more than %d bytes", maxTarget)
	case target[0] == '/':
		return fmt.Sprintf("has the absolute link target %q", target)
	case !utf8.ValidString(target):
		return fmt.Sprintf("has the link target %q, which is not valid UTF-8", target)
	case strings.ContainsFunc(target, unicode.IsControl):
		return fmt.Sprintf("has the link target %q with a control character", target)
	}
	return ""
}
