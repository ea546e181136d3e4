package tests

import (
	"bufio"
	"fmt"
	"net/http"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"gostore/tests/upstream"
)

// ignored reports whether this process was started with a signal ignored, as nohup does and shells do in the
// background. What it starts ignores the signal as well, so nothing can be seen of it.
func ignored(t *testing.T, s syscall.Signal) bool {
	if !signal.Ignored(s) {
		return false
	}
	t.Logf("%v is ignored here", s)
	return true
}

// The command takes gostore's place: it has its process number, a signal to that reaches it, and it is seen to have ended
// by the signal. So it is on the first way through gostore and on the short one that follows.
func TestSignalsReachTheCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, upstream.Config{})
	w.sh("gostore lock go@1.22.6 && gostore install")
	for _, line := range []string{"gostore -q shell -- ", "gostore shell -- ", "gostore shell go@1.22.6 -- "} {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL, syscall.SIGUSR1} {
			if ignored(t, sig) {
				continue
			}
			cmd := w.command("ulimit -c 0; exec " + line + `sh -c 'echo $$; exec cat'`)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			first, err := bufio.NewReader(out).ReadString('\n')
			if strings.TrimSpace(first) != fmt.Sprint(cmd.Process.Pid) {
				t.Errorf("%s: process %q, %v, gostore was %d", line, first, err, cmd.Process.Pid)
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Error(err)
			}
			cmd.Wait()
			in.Close()
			if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != sig {
				t.Errorf("%s: after %v: %v", line, sig, cmd.ProcessState)
			}
		}
	}
}

// A signal that comes before the command runs ends gostore with 130 and says how to go on, whichever the command is.
func TestInterruptedCommands(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"gostore lock go@1.22", "gostore install go@1.22.6", "gostore shell go@1.22.6 -- true", "gostore switch go@1.22.6"} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(fmt.Sprint(line, " ", sig), func(t *testing.T) {
				if ignored(t, sig) {
					return
				}
				w := newWorld(t, upstream.Config{})
				asked, gate := make(chan struct{}, 100), make(chan struct{})
				w.server.Fault(upstream.Fault{Gate: gate, Hook: func(*http.Request) { asked <- struct{}{} }})
				cmd := w.command("exec " + line)
				var out strings.Builder
				cmd.Stdout, cmd.Stderr = &out, &out
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				<-asked
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				cmd.Wait()
				if code := cmd.ProcessState.ExitCode(); code != 130 {
					t.Errorf("%v, want exit status 130", cmd.ProcessState)
				}
				matches(t, out.String(), `gostore: error: interrupted`)
				matches(t, out.String(), `gostore: hint: nothing is half made; the same command goes on with what was downloaded\n`)
				w.server.ClearFaults()
				w.sh(line)
			})
		}
	}
}
