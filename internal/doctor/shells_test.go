package doctor

import (
	"context"
	"debug/elf"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gostore/tests/program"
)

// answers makes shells say PATH, by how they are started: in the order of modes; "" is none.
func answers(k *kit, paths ...string) {
	k.Run = func(_ context.Context, _ time.Duration, environ []string, argv ...string) (Output, error) {
		i := remote
		switch {
		case slices.Contains(argv, "-i"):
			i = prompt
		case slices.Contains(argv, "-l"):
			i = login
		}
		if paths[i] == "" {
			return Output{Stderr: "boom\n", Status: 3}, nil
		}
		return Output{Stdout: "motd\n" + answerMark + paths[i] + "\n"}, nil
	}
}

var shellCases = []testCase{
	{"", "shell-interactive-only", Warning, func(k *kit) {
		bin := k.Profiles[0].Bin
		answers(k, bin+":/bin", bin+":/bin", "/bin")
		k.write(k.at("home/.bashrc"), "[ -z \"$PS1\" ] && return\nexport PATH="+bin+":$PATH\n")
	}, `not on PATH for ssh HOST COMMAND\n~/\.bashrc:2: .*only interactive shells come here: line 1`, `move line 2 before line 1\n.*\+1 .*/\.bashrc`},
	{"zsh", "shell-interactive-only", Warning, func(k *kit) {
		bin := k.Profiles[0].Bin
		k.set("SHELL", "/bin/zsh")
		answers(k, bin+":/bin", bin+":/bin", "/bin")
		k.write(k.at("home/.zshrc"), "export PATH="+bin+":$PATH\n")
	}, `~/\.zshrc:1: `, `echo .* >>.*/home/\.zshenv`},
	{"", "shell-login-only", Warning, func(k *kit) {
		bin := k.Profiles[0].Bin
		answers(k, bin+":/bin", "/bin", bin+":/bin")
	}, `not on PATH as a login shell`, `echo .* >>.*/home/\.profile`},
	{"", "hook-only", Note, func(k *kit) {
		answers(k, "/bin", "/bin", "/bin")
		k.script(k.at("bin/gostore"), "")
		k.first(k.at("bin"))
		k.write(k.at("home/.bashrc"), "eval \"$(gostore hook bash)\"\n")
	}, `~/\.bashrc:1: eval`, `gostore shims\nsed -i '1i export PATH=`},
	{"", "hook-gone", Problem, func(k *kit) {
		k.write(k.at("home/.zshrc"), "\neval \"$(~/bin/gostore hook zsh)\"\n")
	}, `~/bin/gostore, which is not there(.|\n)*~/\.zshrc:2`, `\+2 .*/\.zshrc`},
	{"", "shell-fails", Warning, func(k *kit) {
		bin := k.Profiles[0].Bin
		answers(k, bin, "", bin)
	}, `started as a login shell(.|\n)*boom\nexit status 3`, `/bin/bash -l -x`},
	{"", "shell-slow", Warning, func(k *kit) {
		bin := k.Profiles[0].Bin
		k.Run = func(_ context.Context, _ time.Duration, _ []string, argv ...string) (Output, error) {
			if slices.Contains(argv, "-i") {
				return Output{Late: true, Status: -1}, nil
			}
			return Output{Stdout: answerMark + bin + "\n"}, nil
		}
	}, `at the prompt, has not run its command after`, `/bin/bash -i -x`},
}

// TestShellsOfNobody has no gostore set up: then no shell is started.
func TestShellsOfNobody(t *testing.T) {
	k := newKit(t)
	k.Profiles = nil
	k.Run = func(_ context.Context, _ time.Duration, _ []string, argv ...string) (Output, error) {
		t.Errorf("%q was started", argv)
		return Output{}, nil
	}
	if found := shellsProbe.run(t.Context(), k.Host); found != nil {
		t.Errorf("found %+v", found)
	}
}

// TestRealShells starts the shells of this machine in a home that is set up in the way that many are, and in one that is set up well.
func TestRealShells(t *testing.T) {
	for _, c := range []struct {
		shell, name, file, text string
		want                    string
	}{
		{"bash", "guarded", ".bashrc", "case $- in *i*) ;; *) return ;; esac\nexport PATH=BIN:$PATH\n", "shell-interactive-only"},
		{"bash", "ends", ".bash_profile", "exit 3\n", "shell-fails"},
		{"zsh", "guarded", ".zshrc", "export PATH=BIN:$PATH\n", "shell-interactive-only"},
		{"zsh", "for all", ".zshenv", "export PATH=BIN:$PATH\n", ""},
		{"fish", "guarded", ".config/fish/config.fish", "if status is-interactive\n  set -gx PATH BIN $PATH\nend\n", "shell-interactive-only"},
		{"fish", "for all", ".config/fish/config.fish", "set -gx PATH BIN $PATH\n", ""},
	} {
		t.Run(c.shell+"/"+c.name, func(t *testing.T) {
			path, err := exec.LookPath(c.shell)
			if err != nil {
				t.Skipf("no %s on this machine", c.shell)
			}
			k := newKit(t)
			k.Run = RunCommand
			k.set("SHELL", path)
			k.write(k.at("home/"+c.file), strings.ReplaceAll(c.text, "BIN", k.Profiles[0].Bin))
			if c.shell == "bash" && c.file == ".bashrc" {
				k.write(k.at("home/.bash_profile"), ". ~/.bashrc\n")
			}
			got := ""
			for _, f := range k.tryShells(t.Context(), k.startFiles()) {
				got = f.ID
				t.Logf("%+v", f)
			}
			if got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// TestMendedShell carries out what is said of a .bashrc that ends too early.
func TestMendedShell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash on this machine")
	}
	k := newKit(t)
	k.Run = RunCommand
	k.set("SHELL", bash)
	k.mkdir(k.shimsDir())
	k.write(k.at("home/.bashrc"), "case $- in *i*) ;; *) return ;; esac\neval \"$(true gostore hook bash)\"\n")
	k.write(k.at("home/.bash_profile"), ". ~/.bashrc\n")
	found := k.tryShells(t.Context(), k.startFiles())
	if len(found) != 1 || found[0].ID != "hook-only" {
		t.Fatalf("found %+v", found)
	}
	if out, err := exec.Command(bash, "-c", found[0].Mend[1]).CombinedOutput(); err != nil {
		t.Skipf("no sed as of GNU: %v %s", err, out)
	}
	trials := k.try(t.Context(), bash, modes[login]) // which has no prompt
	if !slices.Contains(trials.path, k.shimsDir()) {
		t.Errorf("PATH is %q", trials.path)
	}
}

// TestRunCommand has a command that does not end, with a child that holds its output.
func TestRunCommand(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh on this machine")
	}
	out, err := RunCommand(t.Context(), 10*time.Millisecond, nil, sh, "-c", "sleep 1000 & wait")
	if err != nil || !out.Late {
		t.Errorf("got %+v, %v", out, err)
	}
	out, err = RunCommand(t.Context(), time.Minute, []string{"A=b"}, sh, "-c", "read x; echo $A; exit 4")
	if err != nil || out.Status != 4 || out.Stdout != "b\n" || out.Late {
		t.Errorf("got %+v, %v", out, err)
	}
	out, err = RunCommand(t.Context(), time.Minute, []string{"PATH=/usr/bin:/bin"}, sh, "-c", "yes | head -c 200000; yes | head -c 200000 >&2")
	if err != nil || len(out.Stdout) != maxOutput || len(out.Stderr) != maxOutput {
		t.Errorf("of much output %d and %d bytes are kept, %v", len(out.Stdout), len(out.Stderr), err)
	}
	if _, err := RunCommand(t.Context(), time.Minute, nil, filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("what is not there was started")
	}
}

// installProgram puts a program into the tool that is installed, on a machine with glibc 2.31.
func installProgram(k *kit, p program.Program) {
	k.must(program.Program{}.Write(k.at("sys/lib64/ld-linux-x86-64.so.2")))
	k.must(program.Program{Has: []string{"GLIBC_2.2.5", "GLIBC_2.31"}}.Write(k.at("sys/lib/x86_64-linux-gnu/libc.so.6")))
	path := k.at("tool/bin/tool")
	k.must(p.Write(path))
	k.Tools = append(k.Tools, Tool{Label: "@scope/tool@1.0.0", Dir: k.at("tool"), Programs: []string{path}, Parts: []string{k.at("tool/missing")}})
}

const glibcLoader = "/lib64/ld-linux-x86-64.so.2"

var programCases = []testCase{
	{"", "program-architecture", Problem, func(k *kit) { installProgram(k, program.Program{Machine: elf.EM_AARCH64}) },
		`is for arm64, and this is amd64(.|\n)*bin/tool is for arm64`, `gostore lock --update @scope/tool`},
	{"", "program-loader", Problem, func(k *kit) { installProgram(k, program.Program{Interpreter: "/lib/ld-musl-x86_64.so.1"}) },
		`/lib/ld-musl-x86_64\.so\.1, which is not here`, `nix-ld`},
	{"on musl", "program-loader", Problem, func(k *kit) {
		k.must(program.Program{}.Write(k.at("sys/lib/ld-musl-x86_64.so.1")))
		k.must(program.Program{Interpreter: glibcLoader}.Write(k.at("tool/bin/tool")))
		k.Tools = []Tool{{Label: "tool@1", Dir: k.at("tool"), Programs: []string{k.at("tool/bin/tool")}}}
	}, `ld-linux-x86-64`, `apk add gcompat`},
	{"", "program-library", Problem, func(k *kit) {
		installProgram(k, program.Program{Interpreter: glibcLoader, Needs: []string{"libicu.so.72"}})
	},
		`libicu\.so\.72, which is not here`, `apt-file search libicu`},
	{"", "program-libc", Problem, func(k *kit) {
		installProgram(k, program.Program{Interpreter: glibcLoader, Needs: []string{"libc.so.6"},
			Wants: map[string][]string{"libc.so.6": {"GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.36"}}})
	}, `needs GLIBC_2\.36, and the newest that libc\.so\.6 here has is GLIBC_2\.31(.|\n)*bin/tool wants GLIBC_2\.34`, `gostore tools @scope/tool`},
	{"", "program-script", Problem, func(k *kit) {
		installProgram(k, program.Program{})
		k.script(k.at("tool/bin/tool"), "")
	}, `script for "/bin/sh", which is not here`, `install sh`},
}

// TestForeignScripts has a script among the other files of a tool, for an interpreter that is not there: nobody starts it.
func TestForeignScripts(t *testing.T) {
	k := newKit(t)
	k.script(k.at("tool/misc/make.rc"), "")
	k.Tools[0].Parts = []string{k.at("tool/misc/make.rc")}
	if found := programsProbe.run(t.Context(), k.Host); found != nil {
		t.Errorf("found %+v", found)
	}
}
