package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gostore/tests/upstream"
)

// hookWorld is a world with two projects, ~/a and ~/b, that are installed and trusted, and one shell's hook in its start file.
func hookWorld(t *testing.T, shell string) *world {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		t.Skipf("%s is not installed", shell)
	}
	w := newWorld(t, upstream.Config{})
	w.sh("mkdir -p ~/a/sub ~/a/inner ~/b ~/plain && cd ~/a && gostore -q lock go@1.22.6 && gostore -q install && cd ../b && gostore -q lock go@1.23.0 && gostore -q install")
	w.writeFile("~/a/gostore.toml", "[env]\nGOFLAGS = \"-mod=mod\"\nEMPTY = \"\"\nGONE = false\n")
	w.startFile(shell, "", "")
	return w
}

// startFile writes the start file of a shell, with lines before and after the hook.
func (w *world) startFile(shell, before, after string) {
	quiet := "PS1=\n"
	if shell == "zsh" {
		quiet = "unsetopt prompt_sp prompt_cr; PS1= RPS1=\n"
	}
	w.writeFile("~/."+shell+"rc", quiet+before+"\neval \"$(gostore hook "+shell+")\"\n"+after+"\n")
}

// writeFile writes a file; "~/" is the world's home.
func (w *world) writeFile(path, text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(path), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) path(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(filepath.Dir(w.dir), "home", rest)
	}
	return filepath.Join(w.dir, path)
}

// interactive types lines into an interactive shell in the home directory. It returns what they printed to stdout, and
// what was said on stderr; what a shell itself says of having no terminal does not count.
func (w *world) interactive(shell, lines string, environ ...string) (stdout string, said []string) {
	w.t.Helper()
	args := []string{"-i"}
	if shell == "bash" {
		args = []string{"--noediting", "-i"}
	}
	cmd := exec.Command(shell, args...)
	cmd.Dir, cmd.Env = w.path("~/"), append(slices.Clone(w.environ), environ...)
	cmd.Stdin = strings.NewReader(lines + "exit 0\n")
	var out, diagnosis strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &diagnosis
	if err := cmd.Run(); err != nil {
		w.t.Errorf("%s ended with %v", shell, err)
	}
	for line := range strings.Lines(diagnosis.String()) {
		line = strings.TrimSuffix(line, "\n")
		if line != "exit" && line != "" && !strings.Contains(line, "cannot set terminal process group") && !strings.Contains(line, "no job control") {
			said = append(said, line)
		}
	}
	return out.String(), said
}

const (
	enteredA = "gostore: +go@1.22.6 (project ~/a; GOFLAGS EMPTY GONE)"
	enteredB = "gostore: +go@1.23.0 (project ~/b)"
	leftA    = "gostore: left ~/a"
	leftB    = "gostore: left ~/b"
)

// TestHook types lines into bash and zsh. Each line is followed by a prompt, and so by the hook.
func TestHook(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines string
		want  string // on stdout
		said  []string
	}{
		{"enter and leave",
			"cd a\ngo version\necho $GOFLAGS ${EMPTY-unset} $GOSTORE_TOOLS ${GOSTORE_SHELL-none}\ncd ..\necho ${GOFLAGS-unset} ${EMPTY-unset} ${GOSTORE_TOOLS-unset} ${GOSTORE_HOOK-unset}\n",
			"go version go1.22.6 OS/ARCH\n-mod=mod go@1.22.6 none\nunset unset unset unset\n", []string{enteredA, leftA}},
		{"nothing changes, nothing is said",
			"cd a\ncd sub\ntrue\ncd ..\ncd ../a\ncd .\n\n\ncd ../plain\ntrue\ncd /\n",
			"", []string{enteredA, leftA}},
		{"from one project into another",
			"cd a\ncd ../b\ngo version\necho ${GOFLAGS-unset}\ncd ~/a/sub\ngo version\necho $GOFLAGS\ncd\n",
			"go version go1.23.0 OS/ARCH\nunset\ngo version go1.22.6 OS/ARCH\n-mod=mod\n", []string{enteredA, enteredB, enteredA, leftA}},
		{"a project in a project",
			"cp b/gostore.lock a/inner; gostore trust a/inner >/dev/null\ncd a\ncd inner\ngo version\necho ${GOFLAGS-unset}\ncd ..\ngo version\nmv inner/gostore.lock inner/other\ncd inner\nmv other gostore.lock\ngo version\n",
			"go version go1.23.0 OS/ARCH\nunset\ngo version go1.22.6 OS/ARCH\ngo version go1.23.0 OS/ARCH\n",
			[]string{enteredA, "gostore: +go@1.23.0 (project ~/a/inner)", enteredA, "gostore: +go@1.23.0 (project ~/a/inner)"}},
		{"exactly what was there before",
			"export GOFLAGS=$'a\\nb\\'c\\\"$(x)\\xff' EMPTY= GONE='is here'; env -0 | grep -zv -e OLDPWD= -e ^_= | sort -z >before\ncd a\necho \"$GOFLAGS$EMPTY\" ${GONE-gone}\ncd ..\nenv -0 | grep -zv -e OLDPWD= -e ^_= | sort -z | cmp - before && echo same\n",
			"-mod=mod gone\nsame\n", []string{enteredA, leftA}},
		{"variables that were not exported",
			"GOFLAGS='of this shell'; GONE='of this shell'\ncd a\necho $GOFLAGS; sh -c 'echo $GOFLAGS ${GONE-gone}'\ncd ..\necho $GOFLAGS, $GONE; sh -c 'echo ${GOFLAGS-not exported}'\n",
			"-mod=mod\n-mod=mod gone\nof this shell, of this shell\nnot exported\n", []string{enteredA, leftA}},
		{"what the user changed stays",
			"export GOFLAGS=before PATH=$PATH:/last\ncd a\nexport GOFLAGS=mine EMPTY=mine PATH=/first:$PATH\ncd sub; cd ..\necho $GOFLAGS\ncd ..\necho $GOFLAGS $EMPTY; case $PATH in /first:*/store/*) echo ours;; /first:*:/last) echo theirs;; esac\n",
			"mine\nmine mine\ntheirs\n", []string{enteredA, leftA}},
		{"the lock changes meanwhile",
			"cd a\ncp ../b/gostore.lock .\ngo version\nexport GOFLAGS=mine\nprintf '[env]\\nGOFLAGS = \"x\"\\nNEW = 1\\n' >gostore.toml\necho $GOFLAGS $NEW ${EMPTY-unset}\nrm gostore.lock\necho $GOFLAGS ${NEW-unset} ${GOSTORE_TOOLS-unset}\n",
			"go version go1.23.0 OS/ARCH\nmine 1 unset\nmine unset unset\n",
			[]string{enteredA, "gostore: +go@1.23.0 (project ~/a; GOFLAGS EMPTY GONE)", "gostore: +go@1.23.0 (project ~/a; GOFLAGS NEW)", leftA}},
		{"a lock that is broken",
			"cd a\necho '[[' >>gostore.lock\ntrue\necho ${GOFLAGS-unset}\ncd sub\ntrue\ncd ..\n",
			"unset\n", []string{enteredA, "gostore: ~/a: HOME/a/gostore.lock:BROKEN; nothing is applied"}},
		{"a project that is not trusted",
			"gostore trust --revoke a\ncd a\ntrue\ncd sub\necho ${GOFLAGS-unset}\ngostore trust >/dev/null\necho $GOFLAGS\ngostore trust --revoke >/dev/null\necho ${GOFLAGS-unset}\ncd ~\ncd a\n",
			"trusted no longer: ~/a\nunset\n-mod=mod\nunset\n", []string{untrustedA, enteredA, untrustedA, untrustedA}},
		{"a project that is not installed",
			"gostore roots --forget a >/dev/null; gostore -q gc >/dev/null\ncd a\ntrue\ncd sub\ncd ..\necho ${GOFLAGS-unset}\ngostore -q install >/dev/null\ngo version\n",
			"unset\ngo version go1.22.6 OS/ARCH\n", []string{"gostore: go@1.22.6 of ~/a: not installed: gostore install", enteredA}},
		{"an environment that was collected",
			"cd a\ngostore roots --forget . >/dev/null; (cd /; PATH=${PATH#*:} gostore -q gc >/dev/null)\necho ${GOFLAGS-unset}; case $PATH in *-environment-*) echo still;; esac\n",
			"unset\n", []string{enteredA, "gostore: go@1.22.6 of ~/a: not installed: gostore install"}},
		{"the exit status is the user's", "false\necho $?\ncd a; false\necho $?\n(exit 7)\necho $?\n", "1\n1\n7\n", []string{enteredA}},
		{"strict shells", "set -eu\ncd a\ntrue\n! true\ncd ..\ncd b\necho alive\n", "alive\n", []string{enteredA, leftA, enteredB}},
		{"a read-only variable", "readonly GOFLAGS=mine\ncd a\necho $GOFLAGS; go version\ncd ..\necho $GOFLAGS ${GOTOOLCHAIN-unset}\n",
			"mine\ngo version go1.22.6 OS/ARCH\nmine unset\n", []string{enteredA, leftA}},
		{"a directory that is removed", "mkdir a/sub/x; cd a/sub/x\nrm -r ../x\ntrue\ncd ~/b\ngo version\n",
			"go version go1.23.0 OS/ARCH\n", []string{enteredA, enteredB}},
		{"a state that makes no sense", "export GOSTORE_HOOK='1.$(touch pwned)'\ncd a\nexport GOSTORE_HOOK=\"1.`printf '/p\\0/b\\0\\0A;touch pwned\\0-\\0=x' | base64 -w0 | tr -d =`\"\ncd ..\nls -d pwned a/pwned 2>/dev/null; echo ${GOSTORE_HOOK-none}\n",
			"none\n", []string{"STATE", enteredA, "STATE", leftA}},
		{"more than a variable can hold", "export GOFLAGS=\"$(head -c 90000 /dev/zero | tr '\\0' x)\"\ncd a\ntrue\necho ${#GOFLAGS} ${GOTOOLCHAIN-unset}\ncd ..\n",
			"90000 unset\n", []string{"gostore: ~/a: the variables before and after take more than the 96 KiB that a shell can remember; nothing is applied"}},
		{"quietly", "export GOSTORE_HOOK_QUIET=1\ncd a\ngo version\ncd ..\n", "go version go1.22.6 OS/ARCH\n", nil},
	} {
		for _, shell := range []string{"bash", "zsh"} {
			t.Run(shell+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				w := hookWorld(t, shell)
				stdout, said := w.interactive(shell, c.lines)
				compareHook(w, stdout, said, c.want, c.said)
			})
		}
	}
}

// TestHookInside starts shells in projects and in shells: each enters anew what it is in, and undoes what it inherited.
func TestHookInside(t *testing.T) {
	for _, c := range []struct {
		name  string
		start string // line of the start file, before the hook
		lines string
		want  string
		said  []string
	}{
		{"a shell in a shell", "",
			"cd a\nSHELL <<<$'echo $GOFLAGS\\ncd ..\\necho ${GOFLAGS-unset} ${GOSTORE_HOOK-unset}'\necho $GOFLAGS\n",
			"-mod=mod\nunset unset\n-mod=mod\n", []string{enteredA, leftA}},
		{"a shell in another directory", "",
			"cd a\n(cd ../plain && SHELL <<<'echo ${GOFLAGS-unset}')\n(cd ../b && SHELL <<<$'go version; echo ${GOFLAGS-unset}')\ngo version\n",
			"unset\ngo version go1.23.0 OS/ARCH\nunset\ngo version go1.22.6 OS/ARCH\n", []string{enteredA, leftA, enteredB}},
		{"another shell instead", "", "cd a\nexec SHELL <<<$'echo $GOFLAGS\\ncd ..\\necho ${GOFLAGS-unset}'\n", "-mod=mod\nunset\n", []string{enteredA, leftA}},
		{"a start file puts itself first", "export PATH=/mine:$PATH GOFLAGS=mine",
			"cd a\nSHELL <<<$'case $PATH in */store/*:/mine:*) echo first; esac; echo $GOFLAGS\\ncd ..\\necho $GOFLAGS $PATH' | sed 's,:.*,,'\n",
			"first\n-mod=mod\nmine /mine\n", []string{enteredA, enteredA, leftA}},
		{"in gostore shell it keeps still", "",
			"cd a\ngostore shell go@1.23.0 -- SHELL <<<$'go version\\ncd ../b\\ncd ../plain\\ngo version\\ncd ../a\\ngo version'\ngo version\n",
			"go version go1.23.0 OS/ARCH\ngo version go1.23.0 OS/ARCH\ngo version go1.23.0 OS/ARCH\ngo version go1.22.6 OS/ARCH\n", []string{enteredA}},
		{"gostore shell starts from what was before", "export GOFLAGS=before",
			"cd a\ngostore shell go@1.23.0 -- sh -c 'echo $GOFLAGS ${GOSTORE_HOOK-unset}; echo $PATH | tr : \"\\n\" | grep -c environment'\ngostore shell -- sh -c 'echo $GOFLAGS'\n",
			"before unset\n1\n-mod=mod\n", []string{enteredA}},
		{"started in a project", "cd ~/a", "go version\n", "go version go1.22.6 OS/ARCH\n", []string{enteredA}},
	} {
		for shell, again := range map[string]string{"bash": "bash --noediting -i", "zsh": "zsh -i"} {
			t.Run(shell+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				w := hookWorld(t, shell)
				w.startFile(shell, c.start, "")
				stdout, said := w.interactive(shell, strings.ReplaceAll(c.lines, "SHELL", again))
				compareHook(w, stdout, said, c.want, c.said)
			})
		}
	}
}

// TestHookBesideOthers puts the hook beside what people have in their start files.
func TestHookBesideOthers(t *testing.T) {
	for _, c := range []struct {
		shell, name, before, after string
		lines                      string
		want                       string
	}{
		{"bash", "a command before the prompt", `PROMPT_COMMAND='printf "<%s>" $?'`, "", "cd a\nfalse\n", "<0><0><1>"},
		{"bash", "several commands", `PROMPT_COMMAND=('printf "<%s>" $?' 'printf "%s" "$GOFLAGS"')`, "", "cd a\nfalse\n", "<0><0>-mod=mod<1>-mod=mod"},
		{"bash", "no commands", `PROMPT_COMMAND=()`, "", "cd a\necho $GOFLAGS\n", "-mod=mod\n"},
		{"bash", "a command that is added later", "", `PROMPT_COMMAND="$PROMPT_COMMAND; printf '<%s>' \$?"`, "false\ncd a\n", "<0><1><0>"},
		{"bash", "the hook twice", "", `eval "$(gostore hook bash)"; echo "${PROMPT_COMMAND[*]}"`, "cd a\necho $GOFLAGS\n", "_gostore_hook\n-mod=mod\n"},
		{"bash", "traps", `set -E; trap 'echo ERR' ERR; trap 'echo bye' EXIT; trap 'echo usr' USR1`, "", "cd a\nfalse\nkill -USR1 $$\ncd ..\n", "ERR\nusr\nbye\n"},
		{"bash", "a failure ends the shell", `PROMPT_COMMAND=:; set -e`, "", "! true\ncd a\necho $GOFLAGS\n", "-mod=mod\n"},
		{"bash", "all variables are exported", `set -a`, "", "cd a\nbash -c 'PATH=/x:$PATH; eval \"$(gostore hook bash)\"; _gostore_hook; case $PATH in /x:*) echo not entered; esac; echo $GOFLAGS'\n", "-mod=mod\n"},
		{"bash", "odd options", `set -o posix; shopt -s nullglob extglob; IFS=x`, "", "cd a\necho $GOFLAGS\ncd ..\necho ${GOFLAGS-unset}\n", "-mod=mod\nunset\n"},
		{"zsh", "functions before the prompt", `precmd() { printf "<%s>" $? }; mine() { printf "(%s)" $? }; precmd_functions=(mine)`, "", "cd a\nfalse\n", "<0>(0)<0>(0)<1>(1)"},
		{"zsh", "the hook twice", "", `eval "$(gostore hook zsh)"; echo $precmd_functions $chpwd_functions`, "cd a\necho $GOFLAGS\n", "_gostore_hook _gostore_hook\n-mod=mod\n"},
		{"zsh", "at once", "", "", "cd a; go version; (cd ~/b; go version; cd ..); cd ..; echo ${GOFLAGS-unset}\n", "go version go1.22.6 OS/ARCH\ngo version go1.22.6 OS/ARCH\nunset\n"},
		{"zsh", "odd options", `setopt ksh_arrays sh_word_split rc_quotes glob_subst null_glob ERR_EXIT; trap 'echo bye' EXIT`, "", "cd a\necho $GOFLAGS\ncd ..\necho ${GOFLAGS-unset}\n", "-mod=mod\nunset\nbye\n"},
	} {
		t.Run(c.shell+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			w := hookWorld(t, c.shell)
			w.startFile(c.shell, c.before, c.after)
			stdout, said := w.interactive(c.shell, c.lines)
			said = slices.DeleteFunc(said, func(line string) bool { return slices.Contains([]string{enteredA, leftA}, line) })
			compareHook(w, stdout, said, c.want, nil)
		})
	}
}

// TestHookIdle counts the programs that hooks start: none before a prompt where nothing changed.
func TestHookIdle(t *testing.T) {
	for _, shell := range []string{"bash", "zsh"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			w := hookWorld(t, shell)
			program := filepath.Join(filepath.Dir(w.dir), "bin", "gostore")
			w.writeFile("~/counted", "#!/bin/sh\necho \"$*\" >>~/calls\nexec "+program+" \"$@\"\n")
			w.sh("chmod +x ~/counted")
			w.writeFile("~/."+shell+"rc", "PS1=\neval \"$(gostore hook "+shell+" | sed s,"+program+","+w.path("~/counted")+",)\"\n")
			count := func(lines string) int {
				w.sh("rm -f ~/calls")
				w.interactive(shell, lines)
				return strings.Count(w.sh("cat ~/calls"), "hook run "+shell)
			}
			outside := count("true\ntrue\n\n")
			if outside != 1 {
				t.Errorf("outside of projects it ran %d times, want 1", outside)
			}
			if got := count("cd a\ntrue\ntrue\n\ncd .\n"); got != 2 {
				t.Errorf("in a project it ran %d times, want 2", got)
			}
			if got := count("cd a\ntouch gostore.lock gostore.toml; mkdir -p x\ntrue\n"); got != 2 {
				t.Errorf("with the same contents it ran %d times, want 2", got)
			}
			if got := count("cd a\necho >>gostore.toml\ntrue\nunset GOSTORE_HOOK\ntrue\n"); got != 4 {
				t.Errorf("with two changes it ran %d times, want 4", got)
			}
			w.sh("gostore trust --revoke ~/a")
			if got := count("cd a\ntrue\ntrue\n"); got != 2 {
				t.Errorf("in a project that is not trusted it ran %d times, want 2", got)
			}
			w.sh("gostore trust ~/a; gostore roots --forget ~/a; gostore gc")
			if got := count("cd a\ntrue\ntrue\n"); got != 2 {
				t.Errorf("in a project that is not installed it ran %d times, want 2", got)
			}
		})
	}
}

// A lock that would take longer to read than gostore takes to start is left to gostore.
func TestHookLargeLock(t *testing.T) {
	w := hookWorld(t, "bash")
	w.sh("cd ~/a && head -c 70000 /dev/zero | tr '\\0' '#' >>gostore.lock && cp gostore.lock large && echo >>large")
	stdout, said := w.interactive("bash", "cd a\nmv large gostore.lock; echo '[[' >>gostore.lock\necho ${GOFLAGS-unset}\n")
	compareHook(w, stdout, said, "unset\n", []string{enteredA, "gostore: ~/a: HOME/a/gostore.lock:BROKEN; nothing is applied"})
}

// hostPlatform is how "go version" names the machine.
const hostPlatform = runtime.GOOS + "/" + runtime.GOARCH

const untrustedA = `gostore: ~/a is not trusted, so nothing of it is applied (go@1.22.6; GOFLAGS EMPTY GONE): "gostore trust" shows and allows them`

// compareHook compares what was printed and said with what is wanted; OS/ARCH is the machine's.
func compareHook(w *world, stdout string, said []string, want string, wantSaid []string) {
	w.t.Helper()
	want = strings.ReplaceAll(want, "OS/ARCH", hostPlatform)
	if stdout != want {
		w.t.Errorf("printed\n%swant\n%s", stdout, want)
	}
	var got []string
	for _, line := range said {
		switch {
		case strings.HasPrefix(line, "gostore: warning: GOSTORE_HOOK is not what a hook wrote, so what an earlier one changed cannot be undone: "):
			line = "STATE"
		case strings.Contains(line, "gostore.lock:") && strings.HasSuffix(line, "; nothing is applied"):
			before, _, _ := strings.Cut(line, "gostore.lock:")
			line = strings.Replace(before, w.path("~/a"), "HOME/a", 1) + "gostore.lock:BROKEN; nothing is applied"
		}
		got = append(got, line)
	}
	if !slices.Equal(got, wantSaid) {
		w.t.Errorf("said\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wantSaid, "\n"))
	}
}
