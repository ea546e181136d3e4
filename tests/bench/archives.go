package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// gzipped compares installing a Go tree from a tar.gz with unpacking it: everything verified and synced on our side.
func (b *bench) gzipped() error {
	archive, err := b.tarball("gz", "gzip -6")
	if err != nil {
		return err
	}
	return b.compare("Unpack a tar.gz of go1.22.6",
		b.unpack("tar -xzf, then sync", `tar -xzf "$1" && sync -f .`, archive),
		b.installPath("gostore install, verified and synced", archive))
}

// xzipped is gzipped for a tar.xz, against tools that do not sync.
func (b *bench) xzipped() error {
	archive, err := b.tarball("xz", "xz -6 -T1")
	if err != nil {
		return err
	}
	return b.compare("Unpack a tar.xz of go1.22.6",
		b.unpack("xz -dc and tar x, not synced", `xz -dc "$1" | tar -xf -`, archive),
		b.installPath("gostore install, verified and synced", archive))
}

// unpack runs shell that unpacks an archive into an empty directory.
func (b *bench) unpack(name, script, archive string) arm {
	return arm{name, func() (*exec.Cmd, error) {
		cmd := exec.CommandContext(b.ctx, "sh", "-c", script, "sh", archive)
		cmd.Dir = b.fresh("tar")
		return cmd, nil
	}}
}

// tarball packs go1.22.6.
func (b *bench) tarball(ext, compress string) (string, error) {
	root, dir, err := b.locked()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "go.tar."+ext)
	script := `cd "$(go env GOROOT)/.." && tar -cf - "$(basename "$(go env GOROOT)")" | ` + compress + ` >"$0"`
	return file, must(b.command(root, dir, "shell", "--", "sh", "-c", script, file))
}

// installPath is gostore installing an archive into an empty store.
func (b *bench) installPath(name, archive string) arm {
	lock := "" // made once: it says the archive's digest, as a lock from upstream would
	return arm{name, func() (*exec.Cmd, error) {
		dir := b.fresh("project")
		if lock == "" {
			if err := must(b.command(b.fresh("root"), dir, "lock", "sdk@1", "--path", archive)); err != nil {
				return nil, err
			}
			lock = filepath.Join(dir, "gostore.lock")
		} else if err := must(exec.CommandContext(b.ctx, "cp", lock, dir)); err != nil {
			return nil, err
		}
		return b.command(b.fresh("root"), dir, "install"), nil
	}}
}

// bundles compares moving an installed toolchain with packing its tree.
func (b *bench) bundles() error {
	root, dir, err := b.locked()
	if err != nil {
		return err
	}
	bundle, packed := filepath.Join(dir, "tools.bundle"), filepath.Join(dir, "go.tar.zst")
	err = b.compare("Export go1.22.6",
		arm{"tar and zstd -T2 -3", func() (*exec.Cmd, error) {
			return b.command(root, dir, "shell", "--", "sh", "-c", `tar -cf - -C "$(go env GOROOT)" . | zstd -q -f -T2 -3 -o "$0"`, packed), nil
		}},
		arm{"gostore export", func() (*exec.Cmd, error) { return b.command(root, dir, "export", "-o", bundle), nil }})
	if err != nil {
		return err
	}
	if err := sizes(packed, bundle); err != nil {
		return err
	}
	return b.compare("Import go1.22.6",
		arm{"zstd -dc and tar x, then sync", func() (*exec.Cmd, error) {
			cmd := exec.CommandContext(b.ctx, "sh", "-c", `zstd -dc "$0" | tar -xf - && sync -f .`, packed)
			cmd.Dir = b.fresh("tar")
			return cmd, nil
		}},
		arm{"gostore import, verified and synced", func() (*exec.Cmd, error) {
			return b.command(b.fresh("root"), dir, "import", bundle), nil
		}})
}

// sizes prints how large two files are.
func sizes(one, other string) error {
	a, err := os.Stat(one)
	if err != nil {
		return err
	}
	c, err := os.Stat(other)
	if err != nil {
		return err
	}
	fmt.Printf("\nSize: %d bytes, %d bytes, ratio %.2f\n", a.Size(), c.Size(), float64(c.Size())/float64(a.Size()))
	return nil
}
