package tree

import (
	"fmt"
	"strings"
)

// Limits of resolving one link: how many others it may pass, as many as Linux allows, and how many names
// all of them may have, so that links that lead over links of thousands of names cost no time.
const (
	maxHops  = 40
	maxSteps = 1000
)

// CheckTarget reports whether the link at path can have target: not empty, not absolute, at most 4095 bytes of
// UTF-8 without control characters. An error is a *PathError.
func CheckTarget(path, target string) error {
	if reason := targetProblem(target); reason != "" {
		return &PathError{path, reason}
	}
	return nil
}

// Resolve follows the link at path to its end, within a tree that look describes: it returns the kind of
// what stands at a path, and the target if that is a link, or false. The root, "", is not asked for. Resolve returns where the link
// ends, "" for the root. A link that leaves the tree, even if it came back, that leads to nothing, through a file,
// or over more than 40 links is a *PathError.
func Resolve(path string, look func(path string) (kind Kind, target string, ok bool)) (string, error) {
	kind, target, ok := look(path)
	if !ok || kind != Link {
		return path, nil
	}
	bad := func(reason string) (string, error) {
		return "", &PathError{path, fmt.Sprintf("is a link to %q, which %s", target, reason)}
	}
	at, rest, isDir, hops := dirOf(path), target, true, 0
	for steps := 0; rest != ""; steps++ {
		name, after, more := strings.Cut(rest, "/")
		switch {
		case steps == maxSteps:
			return bad("takes too many steps")
		case !isDir:
			return bad("leads through a file")
		case name == ".." && at == "":
			return bad("leaves the tree")
		case name == "..":
			at = dirOf(at)
		}
		rest = after
		if name == "" || name == "." || name == ".." {
			continue
		}
		next := strings.TrimPrefix(at+"/"+name, "/")
		kind, inner, ok := look(next)
		if !ok {
			return bad("does not exist")
		}
		if kind != Link {
			if at, isDir = next, kind == Dir; more && !isDir {
				return bad("leads through a file")
			}
			continue
		}
		if hops++; hops > maxHops {
			return bad("never ends")
		}
		if rest = inner; more {
			rest = inner + "/" + after
		}
	}
	return at, nil
}
