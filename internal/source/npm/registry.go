package npm

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Registry says where packages come from, and who one is there.
type Registry struct {
	URL    string            // without "/" at its end; "" is unknown
	Scopes map[string]string // registries for the packages of a scope, by "@scope"
	Origin string            // where URL is stated: "environment variable NPM_CONFIG_REGISTRY", "file /home/me/.npmrc"

	tokens map[string]string // by "//host/path/"
}

// NoRegistryError says that nothing on this machine tells which npm registry to use. This program knows none by itself.
type NoRegistryError struct{}

func (e *NoRegistryError) Error() string {
	return "no npm registry is configured: set NPM_CONFIG_REGISTRY to its URL, or put a line registry=URL into ~/.npmrc"
}

// base returns the registry of a package.
func (r Registry) base(name string) (string, error) {
	scope, _, scoped := strings.Cut(name, "/")
	if base := r.Scopes[scope]; scoped && base != "" {
		return base, nil
	}
	if r.URL == "" {
		return "", &NoRegistryError{}
	}
	return r.URL, nil
}

// Token returns what a user's .npmrc states as _authToken for a host, with its port where it has one, and whether there is any.
// Tokens that are for a part of a host are taken only if they are for where one of the registries is.
func (r Registry) Token(host string) (string, bool) {
	for _, base := range append([]string{r.URL}, scopeURLs(r.Scopes)...) {
		_, rest, ok := strings.Cut(base, "://")
		if h, _, _ := strings.Cut(rest, "/"); !ok || !strings.EqualFold(h, host) {
			continue
		}
		for place := "//" + rest + "/"; strings.Count(place, "/") > 2; place = place[:strings.LastIndexByte(strings.TrimSuffix(place, "/"), '/')+1] {
			if token := r.tokens[place]; token != "" {
				return token, true
			}
		}
	}
	return "", false
}

// RegistryFromEnvironment finds the registry that the npm command would use, and says in its Origin where it is stated. In this order:
// NPM_CONFIG_REGISTRY (in capitals or not), .npmrc in the directory project unless that is "", the user's .npmrc (NPM_CONFIG_USERCONFIG, else
// ~/.npmrc), and what the npm command on PATH says. Registries for scopes come from all of these files, the project's first.
//
// getenv returns the variables; those read are the ones above, HOME, PATH, and what the user's file refers to as
// ${NAME}. A project's file, which somebody else may have written, states neither tokens nor variables.
//
// Without any the error is a *NoRegistryError; the registries of scopes are returned with it.
func RegistryFromEnvironment(ctx context.Context, getenv func(string) string, project string) (Registry, error) {
	r := Registry{Scopes: map[string]string{}, tokens: map[string]string{}}
	if v := cmp.Or(getenv("NPM_CONFIG_REGISTRY"), getenv("npm_config_registry")); v != "" {
		r.URL, r.Origin = trimURL(v), "environment variable NPM_CONFIG_REGISTRY"
	}
	if project != "" {
		if err := r.read(filepath.Join(project, ".npmrc"), nil); err != nil {
			return r, err
		}
	}
	if file := userFile(getenv); file != "" {
		if err := r.read(file, getenv); err != nil {
			return r, err
		}
	}
	if r.URL != "" {
		return r, nil
	}
	npm := findNPM(getenv("PATH"))
	if npm == "" {
		return r, &NoRegistryError{}
	}
	v, err := askNPM(ctx, npm, getenv)
	if err != nil {
		return r, err
	}
	if v == "" || v == "undefined" {
		return r, &NoRegistryError{}
	}
	r.URL, r.Origin = trimURL(v), "npm config get registry of "+npm
	return r, nil
}

// userFile returns the name of the user's own .npmrc, "" when there is no home directory.
func userFile(getenv func(string) string) string {
	if file := cmp.Or(getenv("NPM_CONFIG_USERCONFIG"), getenv("npm_config_userconfig")); file != "" {
		return file
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".npmrc")
	}
	return ""
}

// read takes from an .npmrc what r does not know yet. getenv is nil for a project's file.
func (r *Registry) read(file string, getenv func(string) string) error {
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for the npm registry: %w", err)
	}
	rc := parseRC(data, getenv)
	if r.URL == "" && rc.registry != "" {
		r.URL, r.Origin = rc.registry, "file "+file
	}
	for scope, base := range rc.scopes {
		if r.Scopes[scope] == "" {
			r.Scopes[scope] = base
		}
	}
	maps.Copy(r.tokens, rc.tokens)
	return nil
}

// findNPM returns the npm command on path, "" when there is none.
func findNPM(path string) string {
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) { // a project's own directory does not choose the registry
			continue
		}
		file := filepath.Join(dir, "npm")
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

// askNPM runs an npm command away from any project.
func askNPM(ctx context.Context, npm string, getenv func(string) string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second) // it answers in 0.3 s
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "config", "get", "registry")
	cmd.Dir = "/"
	for _, name := range []string{"PATH", "HOME", "NPM_CONFIG_GLOBALCONFIG", "NPM_CONFIG_USERCONFIG"} {
		if v := getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("running %q to learn the npm registry: %w", npm+" config get registry", err)
	}
	return strings.TrimSpace(string(out)), nil
}
