package comparisons

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"gostore/tests/bench/rounds"
)

// miseNeeds are the programs without which mise cannot install anything.
var miseNeeds = []string{"mise", "git"}

const platform = runtime.GOOS + "/" + runtime.GOARCH

// miseEnviron is what keeps mise to the directory of the benchmark, and from asking anybody but it.
func (b bench) miseEnviron(data, dir string) []string {
	home := filepath.Join(b.Work, "mise")
	return b.Environ("MISE_DATA_DIR="+data, "MISE_CACHE_DIR="+filepath.Join(home, "cache"), "MISE_CONFIG_DIR="+filepath.Join(home, "config"),
		"MISE_STATE_DIR="+filepath.Join(home, "state"), "MISE_TRUSTED_CONFIG_PATHS="+dir, "MISE_USE_VERSIONS_HOST=0", "MISE_GO_SET_GOROOT=false",
		"MISE_GO_DOWNLOAD_MIRROR="+b.Cache.MirrorURL(), "MISE_GO_REPO=file://"+filepath.Join(b.Work, "versions"))
}

// miseCommand returns a mise command with a data directory of its own.
func (b bench) miseCommand(data, dir string, args ...string) *exec.Cmd {
	path, _ := b.Peers.Path("mise")
	cmd := b.Program(dir, path, args...)
	cmd.Env = b.miseEnviron(data, dir)
	return cmd
}

// miseArm is mise installing releases one after the other from the loopback mirror. It verifies the archives' SHA-256 and does not sync. The list of
// versions that it wants to see comes from a git repository on the disk, and is in its cache after the first run.
func (b bench) miseArm(versions ...string) (arms []rounds.Arm, skipped []string) {
	if skipped = b.skipped(miseNeeds...); skipped != nil {
		return nil, skipped
	}
	return []rounds.Arm{{Name: miseHTTP, Ours: false, Make: func() (*exec.Cmd, error) {
		if err := b.miseMirror(versions); err != nil {
			return nil, err
		}
		cmd := b.miseCommand(b.Fresh("mise"), b.Fresh("empty"))
		script := b.Shell(cmd.Dir, `m=$1; shift; for v in "$@"; do "$m" install "go@$v" || exit; done`, append([]string{cmd.Path}, plain(versions)...)...)
		script.Env = cmd.Env
		return script, nil
	}}}, nil
}

// miseWith returns a data directory into which mise has installed releases from the mirror. Linking directories into it would not do: mise then looks
// for the versions in the network at each start, which costs it ten times as much.
func (b bench) miseWith(versions ...string) (data string, err error) {
	if err := b.miseMirror(versions); err != nil {
		return "", err
	}
	data = b.Fresh("mise")
	for _, v := range plain(versions) {
		if err := rounds.Must(b.miseCommand(data, b.Fresh("empty"), "install", "go@"+v)); err != nil {
			return "", err
		}
	}
	return data, nil
}

// plain returns the versions without "go".
func plain(versions []string) (list []string) {
	for _, v := range versions {
		list = append(list, strings.TrimPrefix(v, "go"))
	}
	return list
}

// miseMirror has what mise asks for: the archives, and a repository that is tagged with the versions.
func (b bench) miseMirror(versions []string) error {
	for _, v := range versions {
		if _, _, err := b.archive(v, "tar.gz"); err != nil {
			return err
		}
	}
	repository := filepath.Join(b.Work, "versions")
	if _, err := os.Stat(repository); err == nil {
		return nil
	}
	return rounds.Must(b.Shell(b.Work, `repository=$1; shift
		git init -q --bare "$repository" && cd "$repository" && tree=$(git mktree </dev/null) &&
		commit=$(git -c user.name=bench -c user.email=bench@localhost commit-tree "$tree" -m versions) &&
		for v in "$@"; do git tag "$v" "$commit" || exit; done`, append([]string{repository}, releases...)...))
}
