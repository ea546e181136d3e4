// Package layers reads which stores of administrators lie below a user's own.
//
// Three places may say so; the first that does decides, and the others do not count:
//
//	GOSTORE_LAYERS         DIR:DIR, or "off" for none
//	the user's file        layers = ["DIR", "DIR"], or [] for none; where it is, File says
//	/etc/gostore/config.toml   the same key, and no other
//
// Directories are absolute, or begin with "~/". The first of several that has an object is the one that gives it.
//
// It is a package of its own because every shim needs it, and the whole configuration is more than a shim should load. It
// reads the one key; what else stands in the user's file is for package config to judge. Whether a layer can be trusted is not asked here.
package layers

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/textfile"
)

// Variable is the variable of the environment that names layers.
const Variable = "GOSTORE_LAYERS"

// Key is the key of the configuration that does.
const Key = "layers"

// off is the value of Variable that names none.
const off = "off"

// maxSize bounds a configuration file, as package config does.
const maxSize = 1 << 20

// VariableError says that Variable holds something that it cannot.
type VariableError struct{ Err error }

func (e *VariableError) Error() string { return Variable + ": " + e.Err.Error() }

// Unwrap returns what is wrong with it.
func (e *VariableError) Unwrap() error { return e.Err }

// File returns where the user's configuration is, "" when nothing says so, and whether it has to be there.
func File(getenv func(string) string) (path string, needed bool) {
	if path := getenv("GOSTORE_CONFIG"); path != "" {
		return path, true
	}
	if dir := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) { // relative ones are to be ignored, says its specification
		return filepath.Join(dir, "gostore", "config.toml"), false
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".config", "gostore", "config.toml"), false
	}
	return "", false
}

// SystemFile returns where an administrator names layers for everybody; etc is the directory of the system's settings.
func SystemFile(etc string) string { return filepath.Join(etc, "gostore", "config.toml") }

// Read returns the layers, absolute and each once. getenv returns the variables of the environment; etc is the directory of the system's
// settings. Errors are a *VariableError, a textfile.ErrorList, or why a file cannot be read.
func Read(getenv func(string) string, etc string) ([]string, error) {
	home := getenv("HOME")
	if value := getenv(Variable); value != "" {
		dirs, err := split(value, home)
		if err != nil {
			return nil, &VariableError{err}
		}
		return dirs, nil
	}
	user, _ := File(getenv) // that one is missing is for package config to say
	for _, place := range []struct{ path, home string }{{user, home}, {SystemFile(etc), ""}} {
		dirs, said, err := readFile(place.path, place.home, place.path != user)
		if said || err != nil {
			return dirs, err
		}
	}
	return nil, nil
}

// split reads DIR:DIR.
func split(value, home string) ([]string, error) {
	if value == off {
		return nil, nil
	}
	var dirs []string
	var errs []error
	for _, word := range filepath.SplitList(value) {
		if word == "" {
			continue
		}
		dir, err := absolute(word, home)
		dirs, errs = append(dirs, dir), append(errs, err)
	}
	return unique(dirs), errors.Join(errs...)
}

// readFile reads a configuration, of which there need be none, and reports whether it says anything. In one that is only for layers
// nothing else may stand.
func readFile(path, home string, only bool) (dirs []string, said bool, err error) {
	if path == "" {
		return nil, false, nil
	}
	data, err := textfile.Read(path, maxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading the layers: %w", err)
	}
	doc, err := textfile.ParseTOML(path, data)
	if err != nil {
		return nil, false, err
	}
	if only {
		doc.Only(&doc.Root, Key)
	}
	dirs, said = FromDocument(doc, home)
	return dirs, said, doc.Err()
}

// FromDocument returns what a configuration says of layers, and whether it says anything. Complaints go to doc. home is what "~/" stands for, "" for
// nothing.
func FromDocument(doc *textfile.Document, home string) (dirs []string, said bool) {
	list := doc.May(&doc.Root, Key, textfile.Array)
	if list == nil {
		return nil, false
	}
	for i := range list.Items {
		v := doc.Is(&list.Items[i], textfile.String, Key)
		if v == nil {
			continue
		}
		dir, err := absolute(v.Text, home)
		if err != nil {
			doc.Errorf(v.Offset, "%w", err)
		}
		dirs = append(dirs, dir)
	}
	return unique(dirs), true
}

func absolute(word, home string) (string, error) {
	if rest, ok := strings.CutPrefix(word, "~/"); ok && home != "" {
		word = filepath.Join(home, rest)
	}
	if !filepath.IsAbs(word) || strings.ContainsRune(word, 0) {
		return "", fmt.Errorf("layer %q is no absolute path", word)
	}
	return filepath.Clean(word), nil
}

// unique returns dirs without those that were there before.
func unique(dirs []string) []string {
	var list []string
	for _, dir := range dirs {
		if !slices.Contains(list, dir) {
			list = append(list, dir)
		}
	}
	return list
}
