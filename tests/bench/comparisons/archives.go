package comparisons

import (
	"os"
	"os/exec"
	"path/filepath"

	"gostore/tests/bench/figures"
	"gostore/tests/bench/rounds"
)

// gzipped compares installing a Go tree from a tar.gz with unpacking it, and with mise from the same mirror.
func (b bench) gzipped() error {
	archive, sum, err := b.archive(first, "tar.gz")
	if err != nil {
		return err
	}
	const fromMirror = "gostore install, loopback mirror"
	arms := []rounds.Arm{
		b.installPath(ourInstall, archive),
		b.unpack(tarSync, `tar -xzf "$1" && sync -f .`, archive),
	}
	arms = b.with(arms, "bsdtar", b.unpack(bsdtarSync, `bsdtar -xf "$1" && sync -f .`, archive))
	least, err := b.copying(first)
	if err != nil {
		return err
	}
	arms = append(arms, least)
	mise, skipped := b.miseArm(first)
	if len(mise) > 0 {
		url := b.Cache.MirrorURL() + "/" + filepath.Base(archive)
		downloading, err := b.downloading(first, url)
		if err != nil {
			return err
		}
		arms = append(append(append(arms, b.installURL(fromMirror, url, sum)), mise...), downloading)
	}
	return b.Compare(figures.Table{
		Name:    "gz",
		Title:   "Install from a tar.gz",
		Note:    first + ". gostore and mise verify the archive's SHA-256; mise does not sync.",
		Skipped: append(b.skipped("bsdtar"), skipped...),
		Targets: targetsThere(arms,
			figures.Target{What: "install from a tar.gz, against tar and sync", Of: ourInstall, To: tarSync, AtMost: 0.80},
			figures.Target{What: "the same from a mirror, against mise", Of: fromMirror, To: miseHTTP, AtMost: 0.75}),
	}, 5, arms...)
}

// targetsThere leaves out targets of arms of gostore that are only there beside a peer.
func targetsThere(arms []rounds.Arm, targets ...figures.Target) (there []figures.Target) {
	for _, t := range targets {
		for _, a := range arms {
			if a.Name == t.Of {
				there = append(there, t)
			}
		}
	}
	return there
}

// xzipped is gzipped for a tar.xz.
func (b bench) xzipped() error {
	if missing := b.skipped("xz"); missing != nil {
		return nil
	}
	archive, _, err := b.archive(first, "tar.xz")
	if err != nil {
		return err
	}
	const piped = "xz -dc and tar -xf, then sync -f"
	return b.Compare(figures.Table{
		Name:    "xz",
		Title:   "Install from a tar.xz",
		Note:    first + ", in one block. Nearly all of it is the xz decoder in Go.",
		Targets: []figures.Target{{What: "install from a tar.xz, against xz, tar and sync", Of: ourInstall, To: piped, AtMost: 2.2}},
	}, 3,
		b.installPath(ourInstall, archive),
		b.unpack(piped, `xz -dc "$1" | tar -xf - && sync -f .`, archive))
}

// archive returns an archive of a release and its SHA-256.
func (b bench) archive(version, ext string) (name, sum string, err error) {
	if err := b.Cache.Fetch(b.Ctx, version); err != nil {
		return "", "", err
	}
	return b.Cache.Archive(b.Ctx, version, ext)
}

// installPath is gostore installing an archive into an empty store.
func (b bench) installPath(name, archive string) rounds.Arm {
	return b.installLocked(name, "lock", "sdk@1", "--path", archive)
}

// installURL is the same over HTTP.
func (b bench) installURL(name, url, sum string) rounds.Arm {
	return b.installLocked(name, "lock", "sdk@1", "--url", url, "--digest", "sha256:"+sum, "--platform", platform)
}

// installLocked is gostore installing into an empty store what a lock says. It is locked once: the lock states the archive's digest, as one
// from upstream would.
func (b bench) installLocked(name string, args ...string) rounds.Arm {
	var lock []byte
	return rounds.Arm{Name: name, Ours: true, Make: func() (cmd *exec.Cmd, err error) {
		dir := b.Fresh("project")
		file := filepath.Join(dir, "gostore.lock")
		if lock == nil {
			if err := rounds.Must(b.Gostore(b.Fresh("root"), dir, args...)); err != nil {
				return nil, err
			}
			if lock, err = os.ReadFile(file); err != nil {
				return nil, err
			}
		} else if err := os.WriteFile(file, lock, 0o644); err != nil {
			return nil, err
		}
		return b.Gostore(b.Fresh("root"), dir, "install"), nil
	}}
}

// bundles compares moving an installed toolchain with packing its tree.
func (b bench) bundles() error {
	missing := b.skipped("zstd")
	root, dir, err := b.locked(first)
	if err != nil {
		return err
	}
	tree, err := b.toolchainIn(root, dir)
	if err != nil {
		return err
	}
	bundle, packed := filepath.Join(dir, "tools.bundle"), filepath.Join(dir, "go.tar.zst")
	arms := b.with([]rounds.Arm{rounds.Always("gostore export", true, func() *exec.Cmd { return b.Gostore(root, dir, "export", "-o", bundle) })},
		"zstd", rounds.Always("tar and zstd -T2 -3", false, func() *exec.Cmd {
			return b.Shell(dir, `tar -cf - -C "$1" . | zstd -q -f -T2 -3 -o "$2"`, tree, packed)
		}))
	table := figures.Table{Name: "export", Title: "Export a toolchain", Note: "A bundle has digests of everything in it, and a shared content once.", Skipped: missing}
	if err := b.Compare(table, 5, arms...); err != nil {
		return err
	}
	arms = b.with([]rounds.Arm{rounds.Always("gostore import, verified and synced", true, func() *exec.Cmd { return b.Gostore(b.Fresh("root"), dir, "import", bundle) })},
		"zstd", b.unpack("zstd -dc and tar -xf, then sync -f", `zstd -dc "$1" | tar -xf - && sync -f .`, packed))
	return b.Compare(figures.Table{Name: "import", Title: "Import a toolchain", Skipped: missing}, 5, arms...)
}
