package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// shimmed is the program that shims are measured with: it does nothing, so that what is left is the shim. Other managers only know the
// names of real tools, so it is "true" under the name of one.
const shimmed = "go"

// shims compares a program with the shims that lead to it: gostore's, the least that one in Go can be, and those of mise and asdf where
// these are on PATH.
func (b *bench) shims() error {
	tool := b.fresh("tool")
	program := filepath.Join(tool, "bin", shimmed)
	wrapper := filepath.Join(b.dir, "wrapper")
	build := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-o", wrapper, "./tests/bench/wrapper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	for _, step := range []func() error{
		func() error { return must(build) },
		func() error { return copyProgram("true", program) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	arms := []arm{
		{"the program itself", func() (*exec.Cmd, error) { return exec.CommandContext(b.ctx, program), nil }},
		{"a wrapper in Go that only executes", func() (*exec.Cmd, error) { return exec.CommandContext(b.ctx, wrapper, program), nil }},
	}
	for _, more := range []func(tool string) ([]arm, error){b.gostoreShim, b.miseShim, b.asdfShim} {
		found, err := more(tool)
		if err != nil {
			return err
		}
		arms = append(arms, found...)
	}
	once := *b
	once.runs = 40 * b.runs // a few milliseconds each
	return once.compare("Start a program through a shim", arms...)
}

// copyProgram copies a command on PATH.
func copyProgram(name, to string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, from); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// gostoreShim measures shims that lead to gostore-shim, and those of a gostore that stands alone.
func (b *bench) gostoreShim(tool string) ([]arm, error) {
	beside, err := b.gostoreArm("gostore-shim, a locked project", tool)
	if err != nil {
		return nil, err
	}
	alone := filepath.Join(b.fresh("alone"), "gostore")
	if err := os.Link(b.gostore, alone); err != nil {
		return nil, err
	}
	whole := b.gostore
	b.gostore = alone
	defer func() { b.gostore = whole }()
	own, err := b.gostoreArm("gostore alone as a shim", tool)
	return append(beside, own...), err
}

func (b *bench) gostoreArm(name, tool string) ([]arm, error) {
	root, dir := b.fresh("root"), b.fresh("project")
	for _, args := range [][]string{{"lock", "tool@1", "--path", tool}, {"install"}, {"shims"}} {
		if err := must(b.command(root, dir, args...)); err != nil {
			return nil, err
		}
	}
	return b.shimArm(name, filepath.Join(root, "shims", shimmed), dir, "GOSTORE_ROOT="+root), nil
}

// shimArm runs a shim in a project.
func (b *bench) shimArm(name, path, dir string, environ ...string) []arm {
	return []arm{{name, func() (*exec.Cmd, error) {
		cmd := exec.CommandContext(b.ctx, path)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), environ...)
		return cmd, nil
	}}}
}

// miseShim has mise use the tool as if it had installed it.
func (b *bench) miseShim(tool string) ([]arm, error) {
	mise, err := exec.LookPath("mise")
	if err != nil {
		return nil, nil
	}
	home, dir := b.fresh("mise"), b.fresh("project")
	if err := os.WriteFile(filepath.Join(dir, "mise.toml"), []byte("[tools]\n"+shimmed+" = \"1.0.0\"\n"), 0o644); err != nil {
		return nil, err
	}
	environ := []string{"HOME=" + home, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=", "XDG_CACHE_HOME=", "XDG_STATE_HOME=",
		"MISE_DATA_DIR=" + filepath.Join(home, "data"), "MISE_OFFLINE=1", "MISE_TRUSTED_CONFIG_PATHS=" + dir}
	for _, args := range [][]string{{"link", shimmed + "@1.0.0", tool}, {"reshim"}} {
		cmd := exec.CommandContext(b.ctx, mise, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), environ...)
		if err := must(cmd); err != nil {
			return nil, err
		}
	}
	return b.shimArm("mise's shim", filepath.Join(home, "data", "shims", shimmed), dir, environ...), nil
}

// asdfShim has asdf use the tool as if it had installed it, by a plugin that does nothing.
func (b *bench) asdfShim(tool string) ([]arm, error) {
	asdf, err := exec.LookPath("asdf")
	if err != nil {
		return nil, nil
	}
	home, dir := b.fresh("asdf"), b.fresh("project")
	data := filepath.Join(home, "data")
	plugin := filepath.Join(data, "plugins", shimmed, "bin")
	installed := filepath.Join(data, "installs", shimmed, "1.0.0")
	for _, made := range []string{plugin, filepath.Dir(installed)} {
		if err := os.MkdirAll(made, 0o755); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"list-all", "download", "install"} {
		if err := os.WriteFile(filepath.Join(plugin, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.CopyFS(installed, os.DirFS(tool)); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, ".tool-versions"), []byte(shimmed+" 1.0.0\n"), 0o644); err != nil {
		return nil, err
	}
	environ := []string{"HOME=" + home, "ASDF_DATA_DIR=" + data}
	cmd := exec.CommandContext(b.ctx, asdf, "reshim", shimmed, "1.0.0")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), environ...)
	if err := must(cmd); err != nil {
		return nil, err
	}
	return b.shimArm("asdf's shim", filepath.Join(data, "shims", shimmed), dir, environ...), nil
}
