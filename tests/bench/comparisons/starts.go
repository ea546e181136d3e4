package comparisons

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"gostore/tests/bench/figures"
	"gostore/tests/bench/rounds"
)

// shimmed is the name of the program that starting is measured with: it does nothing, so that what is left is the way to it. Other managers only
// know the names of real tools, so it is "true" under the name of one.
const shimmed = "go"

// starts is how often something of a few milliseconds is run.
const starts = 100

// idle makes a directory of a tool whose one program does nothing.
func (b bench) idle() (tool string, err error) {
	tool = b.Fresh("tool")
	path, err := exec.LookPath("true")
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(filepath.Join(tool, "bin"), 0o755); err != nil {
		return "", err
	}
	return tool, copyFile(path, filepath.Join(tool, "bin", shimmed), 0o755)
}

func copyFile(from, to string, mode os.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, mode)
}

// shims compares a program with the shims that lead to it: gostore's, the least that one in Go can be, and those of other managers.
func (b bench) shims() error {
	tool, err := b.idle()
	if err != nil {
		return err
	}
	wrapper, program := filepath.Join(b.Work, "wrapper"), filepath.Join(tool, "bin", shimmed)
	if err := b.Build(wrapper, "./tests/bench/wrapper"); err != nil {
		return err
	}
	const ours, least, mise = "gostore-shim, a locked project", "a wrapper in Go that only executes", "mise exec"
	arms, err := b.gostoreShims(ours, tool)
	if err != nil {
		return err
	}
	arms = append(arms,
		rounds.Always("the program itself", false, func() *exec.Cmd { return b.Program(tool, program) }),
		rounds.Always(least, false, func() *exec.Cmd { return b.Program(tool, wrapper, program) }))
	for _, more := range []func(tool string) ([]rounds.Arm, error){b.miseShims, b.asdfShim, b.goenvShim} {
		found, err := more(tool)
		if err != nil {
			return err
		}
		arms = append(arms, found...)
	}
	return b.Compare(figures.Table{
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
func (b bench) gostoreShims(name, tool string) ([]rounds.Arm, error) {
	whole := filepath.Join(b.Bin, "gostore")
	alone := filepath.Join(b.Fresh("alone"), "gostore")
	if err := copyFile(whole, alone, 0o755); err != nil {
		return nil, err
	}
	beside, err := b.gostoreShim(name, tool, whole)
	if err != nil {
		return nil, err
	}
	own, err := b.gostoreShim("gostore alone as a shim", tool, alone)
	return []rounds.Arm{beside, own}, err
}

func (b bench) gostoreShim(name, tool, gostore string) (rounds.Arm, error) {
	root, dir := b.Fresh("root"), b.Fresh("project")
	for _, args := range [][]string{{"lock", "tool@1", "--path", tool}, {"install"}, {"shims"}} {
		cmd := b.Program(dir, gostore, args...)
		cmd.Env = append(cmd.Env, "GOSTORE_ROOT="+root)
		if err := rounds.Must(cmd); err != nil {
			return rounds.Arm{}, err
		}
	}
	return b.shim(name, true, filepath.Join(root, "shims", shimmed), dir, b.Environ("GOSTORE_ROOT="+root)), nil
}

// shim is an arm that runs a shim in a project.
func (b bench) shim(name string, ours bool, path, dir string, environ []string, args ...string) rounds.Arm {
	return rounds.Always(name, ours, func() *exec.Cmd {
		cmd := b.Program(dir, path, args...)
		cmd.Env = environ
		return cmd
	})
}

// miseShims has mise install a real toolchain, of which the one program is then the idle one.
func (b bench) miseShims(tool string) ([]rounds.Arm, error) {
	if b.skipped(miseNeeds...) != nil {
		return nil, nil
	}
	data, err := b.miseWith(first)
	if err != nil {
		return nil, err
	}
	mise, _ := b.Peers.Path("mise")
	dir := b.Fresh("project")
	installed := filepath.Join(data, "installs", "go", plain([]string{first})[0], "bin", "go")
	if err := rounds.Each(b.miseCommand(data, dir, "use", request(first)), b.miseCommand(data, dir, "reshim"),
		b.Program(dir, "cp", "-f", "--remove-destination", filepath.Join(tool, "bin", shimmed), installed)); err != nil {
		return nil, err
	}
	environ := b.miseEnviron(data, dir)
	return []rounds.Arm{
		b.shim("mise exec", false, mise, dir, environ, "exec", "--", shimmed),
		b.shim("mise's shim", false, filepath.Join(data, "shims", shimmed), dir, environ),
	}, nil
}

// asdfShim has asdf use the tool as if it had installed it, by a plugin that does nothing.
func (b bench) asdfShim(tool string) ([]rounds.Arm, error) {
	asdf, ok := b.Peers.Path("asdf")
	if !ok {
		return nil, nil
	}
	data, dir := b.Fresh("asdf"), b.Fresh("project")
	script := b.Shell(dir, `mkdir -p "$1/plugins/$2/bin" "$1/installs/$2" && cp -R "$3" "$1/installs/$2/1.0.0" && echo "$2 1.0.0" >.tool-versions &&
		for s in list-all download install; do printf '#!/bin/sh\n' >"$1/plugins/$2/bin/$s" && chmod +x "$1/plugins/$2/bin/$s" || exit; done`, data, shimmed, tool)
	environ := b.Environ("ASDF_DATA_DIR=" + data)
	reshim := b.Program(dir, asdf, "reshim", shimmed, "1.0.0")
	reshim.Env = environ
	if err := rounds.Each(script, reshim); err != nil {
		return nil, err
	}
	return []rounds.Arm{b.shim("asdf's shim", false, filepath.Join(data, "shims", shimmed), dir, environ)}, nil
}

// goenvShim has goenv use the tool as if it had installed it.
func (b bench) goenvShim(tool string) ([]rounds.Arm, error) {
	goenv, ok := b.Peers.Path("goenv")
	if !ok {
		return nil, nil
	}
	data, dir := b.Fresh("goenv"), b.Fresh("project")
	script := b.Shell(dir, `mkdir -p "$1/versions" && cp -R "$2" "$1/versions/1.0.0" && echo 1.0.0 >.go-version`, data, tool)
	environ := b.Environ("GOENV_ROOT=" + data)
	rehash := b.Program(dir, goenv, "rehash")
	rehash.Env = environ
	if err := rounds.Each(script, rehash); err != nil {
		return nil, err
	}
	return []rounds.Arm{b.shim("goenv's shim", false, filepath.Join(data, "shims", shimmed), dir, environ)}, nil
}

// profileLink compares starting a tool through the links of a profile with starting its file.
func (b bench) profileLink() error {
	tool, err := b.idle()
	if err != nil {
		return err
	}
	root, dir := b.Fresh("root"), b.Fresh("project")
	if err := rounds.Each(b.Gostore(root, dir, "lock", "tool@1", "--path", tool), b.Gostore(root, dir, "switch")); err != nil {
		return err
	}
	link := filepath.Join(root, "profiles", "default", "current", "bin", shimmed)
	file, err := filepath.EvalSymlinks(link)
	if err != nil {
		return err
	}
	const ours, direct = "through the profile's link", "its file in the store"
	return b.Compare(figures.Table{
		Name:    "profile",
		Title:   "Start a tool through a profile",
		Targets: []figures.Target{{What: "a tool through a profile link, against starting it directly", Of: ours, To: direct, AtMost: 1.05}},
	}, 3*starts,
		rounds.Always(ours, true, func() *exec.Cmd { return b.Program(dir, link) }),
		rounds.Always(direct, false, func() *exec.Cmd { return b.Program(dir, file) }))
}

// shell compares running a program in a project's environment with running it.
func (b bench) shell() error {
	root, dir, err := b.locked(first)
	if err != nil {
		return err
	}
	return b.Compare(figures.Table{Name: "shell", Title: "Run a program in a locked project", Note: "The project has a lock for " + first + "; the program is `true`."}, starts,
		rounds.Always("gostore shell -- true", true, func() *exec.Cmd { return b.Gostore(root, dir, "shell", "--", "true") }),
		rounds.Always("true", false, func() *exec.Cmd { return b.Program(dir, "true") }))
}

// switching compares going from one toolchain to another, and back.
func (b bench) switching() error {
	if err := b.Cache.Fetch(b.Ctx, neighbour, first); err != nil {
		return err
	}
	root, dir := b.Fresh("root"), b.Fresh("project")
	versions := []string{neighbour, first}
	for _, v := range versions {
		if err := rounds.Must(b.Gostore(root, dir, "switch", request(v))); err != nil {
			return err
		}
	}
	const rollback, change, nix = "gostore rollback, synced", "gostore switch, synced, checked by go version", "nix-env --rollback"
	turn, next := 0, 0
	arms := []rounds.Arm{
		rounds.Always(rollback, true, func() *exec.Cmd {
			turn++
			return b.Gostore(root, dir, "rollback", strconv.Itoa(turn%2+1))
		}),
		rounds.Always(change, true, func() *exec.Cmd {
			next++
			return b.Gostore(root, dir, "switch", request(versions[next%2]))
		}),
	}
	for _, more := range []func() ([]rounds.Arm, error){func() ([]rounds.Arm, error) { return b.nixRollback(nix) }, b.miseUse} {
		found, err := more()
		if err != nil {
			return err
		}
		arms = append(arms, found...)
	}
	return b.Compare(figures.Table{
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
func (b bench) nixRollback(name string) ([]rounds.Arm, error) {
	env, ok := b.Peers.Path("nix-env")
	store, also := b.Peers.Path("nix-store")
	if !ok || !also {
		return nil, nil
	}
	n, err := b.nix("nix")
	if err != nil {
		return nil, err
	}
	profile := filepath.Join(n.dir, "profile")
	for i := range 2 {
		tool := b.Fresh("tool")
		if err := os.WriteFile(filepath.Join(tool, "file"), []byte(strconv.Itoa(i)), 0o644); err != nil {
			return nil, err
		}
		added, err := rounds.Answer(n.command(store, "--add", tool))
		if err != nil {
			return nil, err
		}
		if err := rounds.Must(n.command(env, "-p", profile, "--set", added)); err != nil {
			return nil, err
		}
	}
	return []rounds.Arm{{Name: name, Ours: false, Make: func() (*exec.Cmd, error) {
		return n.command(env, "-p", profile, "--rollback"), rounds.Must(n.command(env, "-p", profile, "--switch-generation", "2"))
	}}}, nil
}

// miseUse has a project use another of two versions that mise has.
func (b bench) miseUse() ([]rounds.Arm, error) {
	if b.skipped(miseNeeds...) != nil {
		return nil, nil
	}
	data, err := b.miseWith(neighbour, first)
	if err != nil {
		return nil, err
	}
	dir, turn := b.Fresh("project"), 0
	versions := []string{request(neighbour), request(first)}
	return []rounds.Arm{rounds.Always("mise use", false, func() *exec.Cmd {
		turn++
		return b.miseCommand(data, dir, "use", versions[turn%2])
	})}, nil
}
