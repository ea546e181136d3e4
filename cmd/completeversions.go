package cmd

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/catalog"
	"gostore/internal/project"
	"gostore/internal/release"
	"gostore/internal/source/goproxy"
	order "gostore/internal/version"
	"gostore/store"
)

// versionsDir is where the lists of versions are, in the store's directory for what can be made again.
const versionsDir = "versions"

// catalog returns the versions that are known without asking anybody; ok is false where there is no store yet.
func (a *app) catalog() (c catalog.Catalog, ok bool) {
	dir, err := a.cfg.rootDir()
	return catalog.Catalog{Dir: filepath.Join(dir, store.CacheDir, versionsDir)}, err == nil && a.storeExists()
}

// listed keeps for completions what upstream lists of a tool.
func (a *app) listed(tool string, versions []string) {
	if c, ok := a.catalog(); ok {
		if err := c.Replace(tool, versions); err != nil {
			a.ui.detail("%v", err)
		}
	}
}

// resolved keeps for completions that a version exists.
func (a *app) resolved(tool, version string) {
	if c, ok := a.catalog(); ok {
		if err := c.Add(tool, version); err != nil {
			a.ui.detail("%v", err)
		}
	}
}

// completeTools completes TOOL@VERSION arguments: first the tool, then the version, the newest first.
func (a *app) completeTools(_ *cobra.Command, _ []string, written string) ([]string, cobra.ShellCompDirective) {
	if at := strings.LastIndexByte(written, '@'); at > 0 {
		return a.completeVersions(written[:at], written[at+1:]),
			cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
	var names []string
	for _, tool := range a.toolNames() {
		names = append(names, tool+"@", tool)
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeVersions returns the requests for a tool whose version begins with prefix: what upstream listed last, what is in the
// store and what is locked. Nothing is asked of anybody, so a tool that was never looked at has none. Pre-releases are offered
// where nothing else begins like that.
func (a *app) completeVersions(name, prefix string) []string {
	r, err := release.ParseRequest(name)
	if err != nil {
		return nil
	}
	where := map[string]string{}
	if c, ok := a.catalog(); ok {
		for _, v := range c.Versions(r.Name()) {
			where[v] = ""
		}
		a.versionsHere(r.Tool, where)
	}
	var stable, pre []string
	for v := range where {
		switch {
		case !strings.HasPrefix(v, prefix):
		case isPrerelease(r.Tool, v):
			pre = append(pre, v)
		default:
			stable = append(stable, v)
		}
	}
	if len(stable) == 0 {
		stable = pre
	}
	sortNewest(r.Tool, stable)
	for i, v := range stable {
		stable[i] = name + "@" + v
		if where[v] != "" {
			stable[i] += "\t" + where[v]
		}
	}
	return stable
}

// versionsHere adds the versions of a tool that are in the store or locked, with where they are.
func (a *app) versionsHere(tool string, where map[string]string) {
	if objects, err := a.findObjects(nil); err == nil {
		for _, o := range objects {
			if o.Name == tool && o.Version != "" {
				where[o.Version] = "in the store"
			}
		}
	}
	p, err := project.Find(a.cfg.Dir)
	if err != nil {
		return
	}
	f, _, err := readLock(p)
	if err != nil {
		return
	}
	for _, t := range f.Tools {
		if t.Name == tool {
			where[t.Version] = "locked"
		}
	}
}

// isPrerelease reports whether a version is none that "latest" could mean.
func isPrerelease(tool, version string) bool {
	if tool == goTool {
		return strings.ContainsAny(version, "abcdefghijklmnopqrstuvwxyz")
	}
	return order.IsPrerelease(version)
}

// sortNewest sorts versions, the newest first.
func sortNewest(tool string, list []string) {
	if tool == goTool {
		goproxy.SortVersions(list)
		slices.Reverse(list)
		return
	}
	slices.SortFunc(list, func(x, y string) int { return order.Compare(y, x) })
}
