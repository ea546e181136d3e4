package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gostore/internal/durable"
	"gostore/internal/fetch"
	"gostore/internal/filelock"
	"gostore/internal/layers"
	"gostore/internal/textfile"
)

// Key is a key of the user's file that can be set one by one.
type Key struct {
	Name  string // as people write it: network.ca; sources.TOOL stands for one of each tool
	List  bool   // has any number of values
	Paths bool   // values are paths
	About string // what it says, in a few words
	Words []string
	env   string // the variable that says the same
	get   func(Config) []string
}

// Keys are all of them. Mirrors and definitions of tools are tables, which are edited in the file.
var Keys = []Key{
	{Name: layers.Key, List: true, Paths: true, About: "stores below this one", env: layers.Variable, get: func(c Config) []string { return c.Layers }},
	{Name: "network.ca", Paths: true, About: "a file of certificate authorities, in PEM", env: "GOSTORE_CA_FILE", get: func(c Config) []string { return one(c.CA) }},
	{Name: "network.netrc", Paths: true, About: "a file with passwords", env: "NETRC", get: func(c Config) []string { return one(c.Netrc) }},
	{Name: "network.no-proxy", List: true, About: "what is reached directly", env: "NO_PROXY", get: func(c Config) []string { return split(c.Proxies.No) }},
	{Name: "network.proxy", About: "the proxy for all connections", env: "ALL_PROXY", get: func(c Config) []string { return one(fetch.Redact(c.Proxies.All)) }},
	{Name: "npm.registry", About: "the registry of npm packages", get: func(c Config) []string { return one(c.Registry) }},
	{Name: "seal", About: "how the files of new objects are sealed", Words: []string{SealMode, SealVerity}, env: "GOSTORE_SEAL", get: func(c Config) []string { return one(c.Seal) }},
	{Name: "sources.TOOL", About: "the source that is asked for a tool", env: "GOSTORE_SOURCES"},
	{Name: "trust", List: true, Paths: true, About: "directories below which hooks and shims follow every project", env: "GOSTORE_TRUST", get: func(c Config) []string { return c.Trust }},
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func split(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ","), func(s string) bool { return s == "" })
}

// KeyError says that there is no such key.
type KeyError struct{ Name string }

func (e *KeyError) Error() string { return fmt.Sprintf("configuration key %q is not known", e.Name) }

// FindKey returns the key of that name. Of sources.TOOL any tool is one. The error is a *KeyError.
func FindKey(name string) (Key, error) {
	for _, k := range Keys {
		if k.Name == name && !strings.HasSuffix(name, ".TOOL") {
			return k, nil
		}
		tool, ok := strings.CutPrefix(name, "sources.")
		if ok && k.Name == "sources.TOOL" && tool != "" && tool != "TOOL" {
			k.Name = name
			k.get = func(c Config) []string { return one(c.Sources[tool]) }
			return k, nil
		}
	}
	return Key{}, &KeyError{name}
}

// table returns where the key stands in the file.
func (k Key) table() (table, key string) {
	table, key, ok := strings.Cut(k.Name, ".")
	if !ok {
		return "", k.Name
	}
	return table, key
}

// Setting is what holds for a key, and who says so.
type Setting struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
	From   string   `json:"from"` // a variable, FILE:LINE, a file, or "built in"
}

// Effective returns what holds: of every key that anybody says something about, the mirrors, and what is built in for seal. The
// project's configuration is in its file project, "" where there is none. Passwords are left out.
func Effective(getenv func(string) string, own Config, project string) ([]Setting, error) {
	env, err := FromEnvironment(getenv)
	path, _ := layers.File(getenv)
	user, userErr := readFile(getenv, getenv("HOME"))
	if err := errors.Join(err, userErr); err != nil {
		return nil, err
	}
	p := places{env: env, user: user, project: own, userFile: path, projectFile: project}
	if data, err := os.ReadFile(path); err == nil {
		p.doc, _ = textfile.ParseTOML(path, data) // it was read without an error
	}
	var all []Setting
	for _, k := range Keys {
		all = append(all, p.of(k)...)
	}
	return append(all, p.rest()...), nil
}

// places is what each place says.
type places struct {
	env, user, project    Config
	userFile, projectFile string
	doc                   *textfile.Document
}

func (p places) of(k Key) []Setting {
	if k.Name == "sources.TOOL" {
		return p.sources()
	}
	var all []Setting
	for _, s := range []Setting{
		{k.Name, k.get(p.env), k.env}, {k.Name, k.get(p.user), p.line(k)}, {k.Name, k.get(p.project), p.projectFile},
	} {
		if len(s.Values) > 0 && (len(all) == 0 || k.Name == "trust") {
			all = append(all, s)
		}
	}
	if k.Name == "seal" && len(all) == 0 {
		all = append(all, Setting{k.Name, []string{SealMode}, builtIn})
	}
	return all
}

const builtIn = "built in"

// sources returns which source is asked for each tool that anybody speaks of.
func (p places) sources() []Setting {
	var tools []string
	for _, c := range []Config{p.env, p.user, p.project} {
		for tool := range c.Sources {
			tools = append(tools, tool)
		}
	}
	slices.Sort(tools)
	var all []Setting
	for _, tool := range slices.Compact(tools) {
		k, _ := FindKey("sources." + tool) // a tool has a name
		all = append(all, p.of(k)...)
	}
	return all
}

// rest returns what is no Key: mirrors, proxies for one kind of URL, and being offline.
func (p places) rest() []Setting {
	var all []Setting
	for _, from := range []struct {
		c    Config
		name string
	}{{p.env, "GOSTORE_MIRRORS"}, {p.user, p.userFile}, {p.project, p.projectFile}} {
		for _, m := range from.c.Mirrors {
			all = append(all, Setting{"mirror " + m.Prefix, m.To, from.name})
		}
	}
	for _, v := range []struct{ name, value string }{{"HTTPS_PROXY", p.env.Proxies.HTTPS}, {"HTTP_PROXY", p.env.Proxies.HTTP}} {
		if v.value != "" {
			all = append(all, Setting{strings.ToLower(strings.ReplaceAll(v.name, "_", "-")), []string{fetch.Redact(v.value)}, v.name})
		}
	}
	if p.env.Offline {
		all = append(all, Setting{"offline", []string{"true"}, "GOSTORE_OFFLINE"})
	}
	return all
}

// line returns FILE:LINE of a key in the user's file.
func (p places) line(k Key) string {
	table, key := k.table()
	if p.doc == nil {
		return p.userFile
	}
	t := &p.doc.Root
	if e := t.Get(table); table != "" && e != nil {
		t = e.Value
	}
	e := t.Get(key)
	if e == nil {
		return p.userFile
	}
	line, _ := p.doc.Position(e.Offset)
	return fmt.Sprintf("%s:%d", p.userFile, line)
}

// ErrUnset says that a key is not in the file.
var ErrUnset = errors.New("is not set there")

// Set gives a key its values in the user's file at path, or, without any, takes it out; the rest of the file stays as it is written. The file is
// made where it is missing; a link is followed. What the file would say then is checked first: a value that cannot be is an
// error and changes nothing, and so is a file that is wrong already (a textfile.ErrorList). Concurrent calls take turns. Without values, ErrUnset
// says that the key is not there.
func Set(ctx context.Context, path, home string, k Key, values ...string) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	held, err := filelock.LockDir(ctx, dir)
	if err != nil {
		return err
	}
	defer held.Close()
	data, perm, err := current(path)
	if err != nil {
		return err
	}
	if _, err := Load(path, data, home); err != nil {
		return fmt.Errorf("the configuration is wrong before the change: %w", err)
	}
	changed, err := k.edit(data, values)
	if err != nil {
		return err
	}
	if _, err := Load(path, changed, home); err != nil {
		return valueError(k, err)
	}
	return durable.WriteFile(path, changed, perm)
}

// current reads a file, and its permissions for when it is replaced.
func current(path string) (data []byte, perm fs.FileMode, err error) {
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0o644, nil
	}
	if err != nil {
		return nil, 0, err
	}
	data, err = textfile.Read(path, maxSize)
	return data, fi.Mode().Perm(), err
}

// edit returns a text with the key changed.
func (k Key) edit(data []byte, values []string) ([]byte, error) {
	table, key := k.table()
	if len(values) == 0 {
		changed, found, err := textfile.UnsetTOML(data, table, key)
		if err == nil && !found {
			err = ErrUnset
		}
		return changed, err
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = textfile.Quote(v)
	}
	value := quoted[0]
	if k.List {
		value = "[" + strings.Join(quoted, ", ") + "]"
	}
	return textfile.SetTOML(data, table, key, value)
}

// ValueError says that a key cannot have a value.
type ValueError struct {
	Key string
	Err error
}

func (e *ValueError) Error() string { return fmt.Sprintf("%s: %v", e.Key, e.Err) }

// Unwrap returns what is wrong with the value.
func (e *ValueError) Unwrap() error { return e.Err }

// valueError makes an error about a value of complaints about a file that is not there.
func valueError(k Key, err error) error {
	var list textfile.ErrorList
	if !errors.As(err, &list) {
		return &ValueError{k.Name, err}
	}
	var all []error
	for _, e := range list {
		all = append(all, errors.New(e.Msg))
	}
	return &ValueError{k.Name, errors.Join(all...)}
}
