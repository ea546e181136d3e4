package tests

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
)

// gostore prepares a command, which ends with the test at the latest.
func (w *world) gostore(dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(w.t.Context(), filepath.Join(filepath.Dir(w.dir), "bin", "gostore"), args...)
	cmd.Dir, cmd.Env = dir, w.environ
	return cmd
}

// root returns a path in the store.
func (w *world) root(elements ...string) string {
	return filepath.Join(append([]string{filepath.Dir(w.dir), "root"}, elements...)...)
}

// ended runs a command and returns its exit status, -1 for a signal, and what it printed.
func ended(cmd *exec.Cmd) (status int, stdout, stderr string) {
	var out, diagnosis strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &diagnosis
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return -1, "", err.Error()
	}
	return cmd.ProcessState.ExitCode(), out.String(), diagnosis.String()
}

// switched is what "gostore switch --json" and "gostore rollback --json" answer.
type switched struct {
	Generation int
	Changed    bool
	Tools      []struct{ Version, Tree string }
}

// session is a program in "gostore shell" that uses its tools whenever it is told to.
type session struct {
	cmd         *exec.Cmd
	in          io.WriteCloser
	out         *bufio.Reader
	environment string // its directory
	tool        string // the directory of its primary go
}

// sessionScript says where it is, then runs "X version" for each line X that it reads.
const sessionScript = `echo "$GOSTORE_ENVIRONMENT" "$(go env GOROOT)"
while read name; do "$name" version || echo "$name failed"; done`

// startSession starts the script through a "gostore shell", or through several, one in the other, for as many
// lists of tools. It returns when the script runs.
func (w *world) startSession(dir string, shells ...[]string) (*session, error) {
	var args []string
	for i, tools := range shells {
		if i > 0 {
			args = append(args, "gostore")
		}
		args = append(append(append(args, "shell", "-q"), tools...), "--")
	}
	s := &session{cmd: w.gostore(dir, append(args, "sh", "-c", sessionScript)...)}
	var diagnosis strings.Builder
	s.cmd.Stderr = &diagnosis
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.in, s.out = in, bufio.NewReader(out)
	line, err := s.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("gostore %q: %v\n%s", s.cmd.Args[1:], s.cmd.Wait(), diagnosis.String())
	}
	if n, err := fmt.Sscan(line, &s.environment, &s.tool); n != 2 {
		return nil, fmt.Errorf("gostore %q says %q: %v", s.cmd.Args[1:], line, err)
	}
	return s, nil
}

// use runs "name version" in the session; it must say that it is version.
func (s *session) use(name, version string) error {
	if _, err := io.WriteString(s.in, name+"\n"); err != nil {
		return err
	}
	line, err := s.out.ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "go version go"+version+" ") {
		err = fmt.Errorf("it says %q", line)
	}
	if err != nil {
		return fmt.Errorf("%s of go@%s in %s: %w", name, version, s.environment, err)
	}
	return nil
}

// end lets the session end by itself.
func (s *session) end() error { return errors.Join(s.in.Close(), s.cmd.Wait()) }

// kill ends the session with SIGKILL.
func (s *session) kill() {
	s.cmd.Process.Kill() // an error is that it has ended, which Wait tells as well
	s.cmd.Wait()
}
