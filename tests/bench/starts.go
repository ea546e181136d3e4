package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"gostore/tests/bench/figures"
)

// shimmed is the name of the program that starting is measured with: it does nothing, so that what is left is the way to it. Other managers only
// know the names of real tools, so it is "true" under the name of one.
const shimmed = "go"

// starts is how often something of a few milliseconds is run.
const starts = 100

// idle makes a directory of a tool whose one program does nothing.
func (b *bench) idle() (tool string, err error) {
	tool = b.fresh("tool")
	path, err := exec.LookPath("true")
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(filepath.Join(tool, "bin"), 0o755); err != nil {
		return "", err
	}
	return tool, copyFile(path, filepath.Join(tool, "bin", shimmed), 0o755)
}

// shims compares a program with the shims that lead to it: gostore's, the least that one in Go can be, and those of other managers.
func (b *bench) shims() error {
	tool, err := b.idle()
	if err != nil {
		return err
	}
	wrapper, program := filepath.Join(b.work, "wrapper"), filepath.Join(tool, "bin", shimmed)
	if err := b.goBuild(wrapper, "./tests/bench/wrapper"); err != nil {
		return err
	}
	const ours, least, mise = "gostore-shim, a locked project", "a wrapper in Go that only executes", "mise exec"
	arms, err := b.gostoreShims(ours, tool)
	if err != nil {
		return err
	}
	arms = append(arms,
		always("the program itself", false, func() *exec.Cmd { return b.program(tool, program) }),
		always(least, false, func() *exec.Cmd { return b.program(tool, wrapper, program) }))
	for _, more := range []func(tool string) ([]arm, error){b.miseShims, b.asdfShim, b.goenvShim} {
		found, err := more(tool)
		if err != nil {
			return err
		}
		arms = append(arms, found...)
	}
	return b.compare(figures.Table{
		Name:    "shims",
		Title:   "Start a program through a shim",
		Note:    "The program does nothing, so that what is left is the way to it.",
		Skipped: b.skipped(slices.Concat(miseNeeds, []string{"asdf", "goenv"})...),
		Targets: []figures.Target{
			{What: "a shim, against the least wrapper in Go", Of: ours, To: least, AtMost: 1.5},
			{What: "the same, against mise exec", Of: ours, To: mise, AtMost: 0.33},
		},
	}, starts, arms...)
}

// gostoreShims are shims that lead to gostore-shim, and those of a gostore that stands alone.
func (b *bench) gostoreShims(name, tool string) ([]arm, error) {
	whole := filepath.Join(b.bin, "gostore")
	alone := filepath.Join(b.fresh("alone"), "gostore")
	if err := copyFile(whole, alone, 0o755); err != nil {
		return nil, err
	}
	beside, err := b.gostoreShim(name, tool, whole)
	if err != nil {
		return nil, err
	}
	own, err := b.gostoreShim("gostore alone as a shim", tool, alone)
	return []arm{beside, own}, err
}

func (b *bench) gostoreShim(name, tool, gostore string) (arm, error) {
	root, dir := b.fresh("root"), b.fresh("project")
	for _, args := range [][]string{{"lock", "tool@1", "--path", tool}, {"install"}, {"shims"}} {
		cmd := b.program(dir, gostore, args...)
		cmd.Env = append(cmd.Env, "GOSTORE_ROOT="+root)
		if err := must(cmd); err != nil {
			return arm{}, err
		}
	}
	return b.shim(name, true, filepath.Join(root, "shims", shimmed), dir, b.environ("GOSTORE_ROOT="+root)), nil
}

// shim is an arm that runs a shim in a project.
func (b *bench) shim(name string, ours bool, path, dir string, environ []string, args ...string) arm {
	return always(name, ours, func() *exec.Cmd {
		cmd := b.program(dir, path, args...)
		cmd.Env = environ
		return cmd
	})
}

// miseShims has mise install a real toolchain, of which the one program is then the idle one.
func (b *bench) miseShims(tool string) ([]arm, error) {
	if b.skipped(miseNeeds...) != nil {
		return nil, nil
	}
	data, err := b.miseWith(first)
	if err != nil {
		return nil, err
	}
	mise, _ := b.peers.Path("mise")
	dir := b.fresh("project")
	installed := filepath.Join(data, "installs", "go", plain([]string{first})[0], "bin", "go")
	if err := each(b.miseCommand(data, dir, "use", request(first)), b.miseCommand(data, dir, "reshim"),
		b.program(dir, "cp", "-f", "--remove-destination", filepath.Join(tool, "bin", shimmed), installed)); err != nil {
		return nil, err
	}
	environ := b.miseEnviron(data, dir)
	return []arm{
		b.shim("mise exec", false, mise, dir, environ, "exec", "--", shimmed),
		b.shim("mise's shim", false, filepath.Join(data, "shims", shimmed), dir, environ),
	}, nil
}

// asdfShim has asdf use the tool as if it had installed it, by a plugin that does nothing.
func (b *bench) asdfShim(tool string) ([]arm, error) {
	asdf, ok := b.peers.Path("asdf")
	if !ok {
		return nil, nil
	}
	data, dir := b.fresh("asdf"), b.fresh("project")
	script := b.shellCommand(dir, `mkdir -p "$1/plugins/$2/bin" "$1/installs/$2" && cp -R "$3" "$1/installs/$2/1.0.0" && echo "$2 1.0.0" >.tool-versions &&
		for s in list-all download install; do printf '#!/bin/sh\n' >"$1/plugins/$2/bin/$s" && chmod +x "$1/plugins/$2/bin/$s" || exit; done`, data, shimmed, tool)
	environ := b.environ("ASDF_DATA_DIR=" + data)
	reshim := b.program(dir, asdf, "reshim", shimmed, "1.0.0")
	reshim.Env = environ
	if err := each(script, reshim); err != nil {
		return nil, err
	}
	return []arm{b.shim("asdf's shim", false, filepath.Join(data, "shims", shimmed), dir, environ)}, nil
}

// goenvShim has goenv use the tool as if it had installed it.
func (b *bench) goenvShim(tool string) ([]arm, error) {
	goenv, ok := b.peers.Path("goenv")
	if !ok {
		return nil, nil
	}
	data, dir := b.fresh("goenv"), b.fresh("project")
	script := b.shellCommand(dir, `mkdir -p "$1/versions" && cp -R "$2" "$1/versions/1.0.0" && echo 1.0.0 >.go-version`, data, tool)
	environ := b.environ("GOENV_ROOT=" + data)
	rehash := b.program(dir, goenv, "rehash")
	rehash.Env = environ
	if err := each(script, rehash); err != nil {
		return nil, err
	}
	return []arm{b.shim("goenv's shim", false, filepath.Join(data, "shims", shimmed), dir, environ)}, nil
}

// profileLink compares starting a tool through the links of a profile with starting its file.
func (b *bench) profileLink() error {
	tool, err := b.idle()
	if err != nil {
		return err
	}
	root, dir := b.fresh("root"), b.fresh("project")
	if err := each(b.gostore(root, dir, "lock", "tool@1", "--path", tool), b.gostore(root, dir, "switch")); err != nil {
		return err
	}
	link := filepath.Join(root, "profiles", "default", "current", "bin", shimmed)
	file, err := filepath.EvalSymlinks(link)
	if err != nil {
		return err
	}
	const ours, direct = "through the profile's link", "its file in the store"
	return b.compare(figures.Table{
		Name:    "profile",
		Title:   "Start a tool through a profile",
		Targets: []figures.Target{{What: "a tool through a profile link, against starting it directly", Of: ours, To: direct, AtMost: 1.05}},
	}, 3*starts,
		always(ours, true, func() *exec.Cmd { return b.program(dir, link) }),
		always(direct, false, func() *exec.Cmd { return b.program(dir, file) }))
}

// shell compares running a program in a project's environment with running it.
func (b *bench) shell() error {
	root, dir, err := b.locked(first)
	if err != nil {
		return err
	}
	return b.compare(figures.Table{Name: "shell", Title: "Run a program in a locked project", Note: "The project has a lock for " + first + "; the program is `true`."}, starts,
		always("gostore shell -- true", true, func() *exec.Cmd { return b.gostore(root, dir, "shell", "--", "true") }),
		always("true", false, func() *exec.Cmd { return b.program(dir, "true") }))
}

// switching compares going from one toolchain to another, and back.
func (b *bench) switching() error {
	if err := b.cache.Fetch(b.ctx, neighbour, first); err != nil {
		return err
	}
	root, dir := b.fresh("root"), b.fresh("project")
	versions := []string{neighbour, first}
	for _, v := range versions {
		if err := must(b.gostore(root, dir, "switch", request(v))); err != nil {
			return err
		}
	}
	const rollback, change, nix = "gostore rollback, synced", "gostore switch, synced, checked by go version", "nix-env --rollback"
	turn, next := 0, 0
	arms := []arm{
		always(rollback, true, func() *exec.Cmd {
			turn++
			return b.gostore(root, dir, "rollback", strconv.Itoa(turn%2+1))
		}),
		always(change, true, func() *exec.Cmd {
			next++
			return b.gostore(root, dir, "switch", request(versions[next%2]))
		}),
	}
	for _, more := range []func() ([]arm, error){func() ([]arm, error) { return b.nixRollback(nix) }, b.miseUse} {
		found, err := more()
		if err != nil {
			return err
		}
		arms = append(arms, found...)
	}
	return b.compare(figures.Table{
		Name:    "switch",
		Title:   "Switch and roll back",
		Note:    "gostore's are durable when they end; the others do not sync.",
		Skipped: b.skipped(slices.Concat(miseNeeds, []string{"nix-env"})...),
		Targets: []figures.Target{
			{What: "rollback, synced, against nix-env --rollback", Of: rollback, To: nix, AtMost: 0.50},
			{What: "switch, synced and checked, against the same", Of: change, To: nix, AtMost: 0.50},
		},
	}, 40, arms...)
}

// nixRollback has a Nix profile of two generations go back, again and again.
func (b *bench) nixRollback(name string) ([]arm, error) {
	env, ok := b.peers.Path("nix-env")
	store, also := b.peers.Path("nix-store")
	if !ok || !also {
		return nil, nil
	}
	n, err := b.nix("nix")
	if err != nil {
		return nil, err
	}
	profile := filepath.Join(n.dir, "profile")
	for i := range 2 {
		tool := b.fresh("tool")
		if err := os.WriteFile(filepath.Join(tool, "file"), []byte(strconv.Itoa(i)), 0o644); err != nil {
			return nil, err
		}
		added, err := answer(n.command(store, "--add", tool))
		if err != nil {
			return nil, err
		}
		if err := must(n.command(env, "-p", profile, "--set", added)); err != nil {
			return nil, err
		}
	}
	return []arm{{name, false, func() (*exec.Cmd, error) {
		return n.command(env, "-p", profile, "--rollback"), must(n.command(env, "-p", profile, "--switch-generation", "2"))
	}}}, nil
}

// miseUse has a project use another of two versions that mise has.
func (b *bench) miseUse() ([]arm, error) {
	if b.skipped(miseNeeds...) != nil {
		return nil, nil
	}
	data, err := b.miseWith(neighbour, first)
	if err != nil {
		return nil, err
	}
	dir, turn := b.fresh("project"), 0
	versions := []string{request(neighbour), request(first)}
	return []arm{always("mise use", false, func() *exec.Cmd {
		turn++
		return b.miseCommand(data, dir, "use", versions[turn%2])
	})}, nil
}
