// Package config reads what a user, the environment and a project say about how tools are obtained: mirrors, sources, tool
// definitions, and the network.
//
// The user's file is $XDG_CONFIG_HOME/gostore/config.toml, else ~/.config/gostore/config.toml, or the one that
// GOSTORE_CONFIG names, which then has to be there. It is TOML:
//
//	trust = ["~/work", "/srv/src"]            # directories below which hooks and shims follow every project
//	seal = "fs-verity"                        # how the files of new objects are sealed; "mode" is by their modes only
//	layers = ["/opt/gostore"]                 # see package layers, which reads it
//
//	[[mirror]]                                # a rule that rewrites the beginning of URLs; any number
//	prefix = "https://go.dev/dl/"             # http or https
//	to = ["https://mirror.example/golang/", "/srv/mirror/golang/", "off"]
//	source = "godev"                          # optional: only for downloads of this source
//
//	[sources]                                 # which source is asked for a tool
//	go = "godev"
//
//	[network]
//	ca = "corp.pem"                           # more certificate authorities, in PEM
//	proxy = "http://proxy.example:3128"
//	no-proxy = ["corp.example", "10.0.0.0/8"]
//	netrc = "~/.netrc"
//
//	[npm]
//	registry = "https://registry.example/npm"
//
//	[tool.NAME]                               # see package definition
//
// In mirror, to is tried in its order and then the original, unless "off" is the last word. It holds http, https and file URLs,
// or paths of directories. Paths are relative to the file; "~/" is the home directory. Keys that are not known, values of a wrong kind
// and URLs that are none are complaints with line and column, all of them at once.
//
// The variables of the environment:
//
//	GOSTORE_CONFIG       the user's file
//	GOSTORE_MIRRORS      PREFIX=URL,URL;PREFIX=URL
//	GOSTORE_SOURCES      TOOL=SOURCE,TOOL=SOURCE
//	GOSTORE_OFFLINE      1 or true, 0 or false
//	GOSTORE_CA_FILE      as network.ca
//	GOSTORE_TRUST        DIR:DIR, as trust
//	GOSTORE_SEAL         as seal
//	NETRC                as network.netrc
//	HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, in capitals or not
//
// A project's gostore.toml may have the tables mirror, sources and tool. It has no say in trust, seal, network and npm: a stranger's project must not
// choose whom this machine talks through, whose certificates are good, or where digests come from. Its mirrors lead to servers, not to
// this machine's files, and get no credentials.
//
// The first that says something about a thing decides it: the environment, then the user's file, then the project, then what is built in. Of mirrors
// the longest prefix that fits a URL counts, those of equal prefixes in this order; a project's only where no other fits at all.
// Definitions of tools are the exception: the project's comes before the user's, so that everybody in a project means the same. Trusted
// directories are another: all count.
//
// Nothing here is about digests: whatever a configuration says, what is installed is what the lock or upstream states.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"gostore/internal/definition"
	"gostore/internal/fetch"
	"gostore/internal/layers"
	"gostore/internal/textfile"
)

// maxSize bounds a configuration file.
const maxSize = 1 << 20

// Config is what one place says, or what several say together. The zero value says nothing.
type Config struct {
	Mirrors  []Mirror
	Sources  map[string]string // the name of the source by tool
	Tools    []definition.Definition
	Registry string   // of npm packages, without "/" at its end; "" is not stated
	Offline  bool     // open no socket
	Trust    []string // directories below which projects are trusted, absolute
	Layers   []string // what it says of them; package layers is what reads it for the store
	Seal     string   // SealMode or SealVerity; "" is not stated

	CA          string        // path of a file with certificate authorities; "" is none
	Netrc       string        // path of a .netrc file; "" is none
	NetrcNeeded bool          // that Netrc is not there is an error
	Proxies     fetch.Proxies // through which servers are reached
}

// How the files of objects are sealed.
const (
	SealMode   = "mode"      // they may not be written to
	SealVerity = "fs-verity" // and the kernel compares what is read with digests, where the file system has it
)

// Mirror is a rule for the downloads of one source, or of all.
type Mirror struct {
	fetch.Mirror
	Source string // "" is all
}

// Merge joins what several places say, the environment first and the project last. The first that says something about a thing decides
// it; of the definitions of a tool the last counts.
func Merge(places ...Config) Config {
	all := Config{Sources: map[string]string{}}
	for _, c := range places {
		all.Mirrors = append(all.Mirrors, c.Mirrors...)
		for _, tool := range slices.Sorted(maps.Keys(c.Sources)) {
			all.Sources[tool] = cmp.Or(all.Sources[tool], c.Sources[tool])
		}
		for _, d := range c.Tools {
			all.Tools = slices.DeleteFunc(all.Tools, func(e definition.Definition) bool { return e.Name == d.Name })
			all.Tools = append(all.Tools, d)
		}
		all.Registry = cmp.Or(all.Registry, c.Registry)
		all.Offline = all.Offline || c.Offline
		all.Trust = append(all.Trust, c.Trust...)
		all.Seal = cmp.Or(all.Seal, c.Seal)
		all.CA = cmp.Or(all.CA, c.CA)
		if all.Netrc == "" {
			all.Netrc, all.NetrcNeeded = c.Netrc, c.NetrcNeeded
		}
		all.Proxies = fetch.Proxies{
			HTTP: cmp.Or(all.Proxies.HTTP, c.Proxies.HTTP), HTTPS: cmp.Or(all.Proxies.HTTPS, c.Proxies.HTTPS),
			All: cmp.Or(all.Proxies.All, c.Proxies.All), No: cmp.Or(all.Proxies.No, c.Proxies.No),
		}
	}
	return all
}

// MirrorsFor returns the rules for the downloads of a source, for a client of its own: fetch.Client.With. Of equal prefixes a rule
// for just this source comes first if it is from the same place.
func (c Config) MirrorsFor(source string) []fetch.Mirror {
	var rules []fetch.Mirror
	for _, m := range c.Mirrors {
		if m.Source == "" || m.Source == source {
			rules = append(rules, m.Mirror)
		}
	}
	return rules
}

// Read reads the environment and the user's file, merged. getenv returns the variables: those of the package comment, and HOME. Whatever is
// wrong with either is reported at once: with the file a textfile.ErrorList, with each variable a *VariableError.
func Read(getenv func(string) string) (Config, error) {
	env, envErr := FromEnvironment(getenv)
	home := getenv("HOME")
	user, err := readFile(getenv, home)
	if err := errors.Join(envErr, err); err != nil {
		return Config{}, err
	}
	byDefault := Config{}
	if home != "" {
		byDefault.Netrc = filepath.Join(home, ".netrc")
	}
	return Merge(env, user, byDefault), nil
}

func readFile(getenv func(string) string, home string) (Config, error) {
	path, needed := layers.File(getenv)
	if path == "" {
		return Config{}, nil
	}
	data, err := textfile.Read(path, maxSize)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !needed:
		return Config{}, nil
	case errors.Is(err, fs.ErrNotExist):
		return Config{}, &VariableError{"GOSTORE_CONFIG", err}
	case err != nil:
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	return Load(path, data, home)
}
