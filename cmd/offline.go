package cmd

import (
	"context"
	"fmt"
	"strings"

	"gostore/internal/install"
	"gostore/internal/release"
)

// absentError says what is not in the store when nothing may be downloaded.
type absentError struct {
	tools    []string // NAME@VERSION
	platform release.Platform
}

func (e *absentError) Error() string {
	return fmt.Sprintf("offline, and not in the store: %s, for %s", strings.Join(e.tools, ", "), e.platform)
}

// mustBeHere returns an *absentError when gostore is to work without a network and any of the jobs would need one.
func (a *app) mustBeHere(ctx context.Context, jobs []install.Job, p release.Platform) error {
	offline, err := a.offline()
	if err != nil || !offline {
		return err
	}
	missing := &absentError{platform: p}
	for _, job := range jobs {
		here, err := install.Present(ctx, a.st, job)
		if err != nil {
			return err
		}
		if !here && !isLocal(job.Item) {
			missing.tools = append(missing.tools, job.Item.Tool+"@"+job.Item.Version)
		}
	}
	if len(missing.tools) == 0 {
		return nil
	}
	return missing
}

// explainOffline is for what is missing without a network.
func explainOffline(missing *absentError) (int, []string) {
	const bundle = "tools.bundle"
	return exitNetwork, []string{
		fmt.Sprintf("where there is a network, in the same project: gostore fetch --platform %s && gostore export --platform %[1]s -o %s",
			missing.platform, bundle),
		"then here: gostore import " + bundle,
	}
}

// isLocal reports whether an item is read from this machine's files in any case.
func isLocal(item release.Item) bool {
	return item.Source == sourcePath || strings.HasPrefix(item.Archive.From, "file://")
}
