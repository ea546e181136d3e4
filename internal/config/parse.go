package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/definition"
	"gostore/internal/fetch"
	"gostore/internal/layers"
	"gostore/internal/release"
	"gostore/internal/textfile"
)

// ProjectTables are the keys of a gostore.toml that Project reads.
var ProjectTables = []string{"tool", "mirror", "sources"}

// Load reads the text of a user's configuration. path is what complaints call the file, and what paths in it are relative to; home is the
// home directory, "" when there is none. Errors are a textfile.ErrorList.
func Load(path string, data []byte, home string) (Config, error) {
	if err := textfile.Conflicts(path, data); err != nil {
		return Config{}, err
	}
	doc, err := textfile.ParseTOML(path, data)
	if err != nil {
		return Config{}, err
	}
	doc.Only(&doc.Root, layers.Key, "mirror", "network", "npm", "seal", "sources", "tool", "trust")
	r := reader{Document: doc, dir: filepath.Dir(path), home: home}
	c := r.shared(path)
	if t := doc.May(&doc.Root, "network", textfile.Table); t != nil {
		r.network(t, &c)
	}
	if t := doc.May(&doc.Root, "npm", textfile.Table); t != nil {
		doc.Only(t, "registry")
		r.check(t, "registry", func(s string) (err error) {
			c.Registry, err = registry(s)
			return err
		})
	}
	r.check(&doc.Root, "seal", func(s string) error {
		c.Seal = s
		return checkSeal(s)
	})
	c.Layers, _ = layers.FromDocument(doc, home)
	if list := doc.May(&doc.Root, "trust", textfile.Array); list != nil {
		c.Trust = r.folders(list)
	}
	if err := doc.Err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// folders reads a list of directories.
func (r reader) folders(list *textfile.Value) []string {
	var folders []string
	for i := range list.Items {
		v := r.Is(&list.Items[i], textfile.String, "trust")
		if v == nil {
			continue
		}
		folder, err := r.path(v.Text)
		if err != nil {
			r.Errorf(v.Offset, "%w", err)
		}
		folders = append(folders, folder)
	}
	return folders
}

// Project reads the ProjectTables of a gostore.toml. Complaints go to doc: the result is of use only if doc.Err is
// nil. place is what the definitions of tools call the file.
func Project(doc *textfile.Document, place string) Config {
	r := reader{Document: doc, foreign: true}
	return r.shared(place)
}

// reader reads a document. Its complaints are the document's.
type reader struct {
	*textfile.Document
	dir, home string // what paths are relative to
	foreign   bool   // the file is a project's
}

// shared reads what both kinds of files have.
func (r reader) shared(place string) Config {
	var c Config
	if list := r.May(&r.Root, "mirror", textfile.Array); list != nil {
		for i := range list.Items {
			if t := r.Is(&list.Items[i], textfile.Table, "mirror"); t != nil {
				r.mirror(t, &c)
			}
		}
	}
	// Of equal prefixes the first counts: let it be the one that is for less.
	slices.SortStableFunc(c.Mirrors, func(a, b Mirror) int {
		return strings.Compare(emptyLast(a.Source), emptyLast(b.Source))
	})
	if t := r.May(&r.Root, "sources", textfile.Table); t != nil {
		c.Sources = r.sources(t)
	}
	c.Tools = definition.Parse(r.Document, r.May(&r.Root, "tool", textfile.Table), place)
	return c
}

func emptyLast(s string) string {
	if s == "" {
		return "\xff"
	}
	return s
}

func (r reader) mirror(t *textfile.Value, c *Config) {
	r.Only(t, "prefix", "to", "source")
	m := Mirror{Mirror: fetch.Mirror{Foreign: r.foreign}}
	if r.Need(t, "prefix", textfile.String) != nil {
		r.check(t, "prefix", func(s string) (err error) {
			m.Prefix, err = prefix(s)
			return err
		})
	}
	r.check(t, "source", func(s string) error {
		m.Source = s
		return checkSource(s)
	})
	if list := r.Need(t, "to", textfile.Array); list != nil {
		m.To = r.targets(list)
	}
	for _, other := range c.Mirrors {
		if other.Prefix == m.Prefix && other.Source == m.Source && m.Prefix != "" {
			r.Errorf(t.Get("prefix").Value.Offset, "a second mirror for %q: list all targets in one", m.Prefix)
		}
	}
	c.Mirrors = append(c.Mirrors, m)
}

// targets reads a list of mirrors.
func (r reader) targets(list *textfile.Value) []string {
	var words []string
	for i := range list.Items {
		v := r.Is(&list.Items[i], textfile.String, "to")
		if v == nil {
			return nil
		}
		words = append(words, v.Text)
	}
	if len(words) == 0 || words[0] == fetch.MirrorOff {
		r.Errorf(list.Offset, `"to" names no mirror`)
		return nil
	}
	var to []string
	for i, word := range words {
		target, err := r.target(word, i == len(words)-1)
		if err != nil {
			r.Errorf(list.Items[i].Offset, "%w", err)
		}
		to = append(to, target)
	}
	return to
}

// target reads one of them.
func (r reader) target(word string, last bool) (string, error) {
	switch isPath := !strings.Contains(word, "://"); {
	case word == fetch.MirrorOff && !last:
		return "", fmt.Errorf(`"off" ends the list: nothing may follow it`)
	case word == fetch.MirrorOff:
		return word, nil
	case r.foreign && (isPath || strings.HasPrefix(strings.ToLower(word), "file:")):
		return "", fmt.Errorf("mirror %q: a project's mirrors are http or https; directories are for your own configuration", fetch.Redact(word))
	case isPath:
		path, err := r.path(word)
		if err != nil {
			return "", err
		}
		return directoryURL(path), nil
	}
	return target(word)
}

func (r reader) sources(t *textfile.Value) map[string]string {
	sources := map[string]string{}
	for _, e := range t.Entries {
		if err := release.CheckTool(e.Key); err != nil {
			r.Errorf(e.Offset, "%w", err)
		}
		r.check(t, e.Key, func(s string) error {
			sources[e.Key] = s
			return checkSource(s)
		})
	}
	return sources
}

func (r reader) network(t *textfile.Value, c *Config) {
	r.Only(t, "ca", "proxy", "no-proxy", "netrc")
	r.check(t, "ca", func(s string) (err error) {
		c.CA, err = r.path(s)
		return err
	})
	r.check(t, "netrc", func(s string) (err error) {
		c.Netrc, err = r.path(s)
		c.NetrcNeeded = true
		return err
	})
	r.check(t, "proxy", func(s string) error {
		c.Proxies.All = s
		if s == "" {
			return fmt.Errorf("proxy is empty")
		}
		return fetch.CheckProxy(s)
	})
	if list := r.May(t, "no-proxy", textfile.Array); list != nil {
		var hosts []string
		for i := range list.Items {
			v := r.Is(&list.Items[i], textfile.String, "no-proxy")
			switch {
			case v == nil:
			case v.Text == "" || strings.ContainsAny(v.Text, ", \t\r\n") || strings.Contains(v.Text, "://"):
				r.Errorf(v.Offset, "%q: want one host, domain, address or network", v.Text)
			default:
				hosts = append(hosts, v.Text)
			}
		}
		c.Proxies.No = strings.Join(hosts, ",")
	}
}

// check hands the text of a key to use, if the key is there and a string. An error becomes a complaint.
func (r reader) check(t *textfile.Value, key string, use func(string) error) {
	e := t.Get(key)
	if e == nil || r.May(t, key, textfile.String) == nil {
		return
	}
	if err := use(e.Value.Text); err != nil {
		r.Errorf(e.Value.Offset, "%w", err)
	}
}

// path makes a path absolute, or relative to the working directory if the file's is.
func (r reader) path(s string) (string, error) {
	rest, inHome := strings.CutPrefix(s, "~/")
	switch {
	case s == "" || strings.ContainsRune(s, 0):
		return "", fmt.Errorf("path is empty or holds a NUL")
	case inHome && r.home == "":
		return "", fmt.Errorf("path %q: HOME is not set", s)
	case inHome:
		return filepath.Join(r.home, rest), nil
	case s[0] == '~':
		return "", fmt.Errorf("path %q: only your own home directory is known, as ~/", s)
	case filepath.IsAbs(s):
		return filepath.Clean(s), nil
	}
	return filepath.Join(r.dir, s), nil
}

func checkSeal(s string) error {
	if s != SealMode && s != SealVerity {
		return fmt.Errorf("seal %q: want %q or %q", s, SealMode, SealVerity)
	}
	return nil
}

// checkSource lets through what names a source: one lower-case word, as in a lock.
func checkSource(s string) error {
	if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("source %q: want lower-case letters, digits and \"-\"", s)
	}
	return nil
}
