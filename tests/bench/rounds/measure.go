package rounds

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gostore/tests/bench/figures"
)

// Arm is one side of a comparison.
type Arm struct {
	Name string
	Ours bool                      // it is gostore's
	Make func() (*exec.Cmd, error) // prepares a run, uncounted, and returns the command to time
}

// Always is an arm of a command that needs no preparation.
func Always(name string, ours bool, command func() *exec.Cmd) Arm {
	return Arm{name, ours, func() (*exec.Cmd, error) { return command(), nil }}
}

// Sample is what the operating system says of one finished run.
type Sample struct {
	Wall, CPU float64 // ms
	Peak      float64 // MB, 0 when it is less than what the benchmark itself takes
}

// runs returns how often an arm is run and counted, of what wants it n times.
func (r *Runner) runs(n int) int {
	short := n >= 20 // of what takes milliseconds
	switch {
	case r.Runs > 0 && short:
		return 20 * r.Runs
	case r.Runs > 0:
		return r.Runs
	case r.Quick:
		return max(1, n/3)
	}
	return n
}

// Compare times the arms in turn, n times after a warm-up, and keeps the table.
func (r *Runner) Compare(t figures.Table, n int, arms ...Arm) error {
	n = r.runs(n)
	samples := make([][]Sample, len(arms))
	for round := range n + 1 { // the first warms up
		if n < 20 || round%50 == 0 {
			fmt.Fprintf(r.Log, "%s%s: round %d of %d\n", t.Name, r.Suffix, round, n)
		}
		for i, a := range arms {
			s, err := r.time(a)
			if err != nil {
				return err
			}
			if round > 0 {
				samples[i] = append(samples[i], s)
			}
		}
		if r.Brief {
			r.Clear()
		}
	}
	for i, a := range arms {
		t.Arms = append(t.Arms, summary(a, samples[i]))
	}
	t.Unit = "ms"
	return r.Keep(t)
}

// Keep adds a finished table. Its targets of arms that are not there, as a peer was missing, stay and are said not to be measured.
func (r *Runner) Keep(t figures.Table) error {
	if err := t.Check(); err != nil {
		return err
	}
	t.Name += r.Suffix
	if r.Suffix != "" {
		t.Title += ", on " + r.Place.Kind
	}
	t.Place = r.Place.Kind
	r.Tables = append(r.Tables, t)
	return nil
}

// summary is what a table says of an arm.
func summary(a Arm, samples []Sample) figures.Arm {
	result := figures.Arm{Name: a.Name, Ours: a.Ours}
	var cpu []float64
	for _, s := range samples {
		result.Runs = append(result.Runs, Rounded(s.Wall))
		result.Peak = max(result.Peak, math.Round(s.Peak))
		cpu = append(cpu, s.CPU)
	}
	result.CPU = Rounded(figures.Median(cpu))
	return result
}

// Rounded keeps four digits after the point: the clock knows no more.
func Rounded(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// time runs a command once. What it prints is shown only if it fails.
func (r *Runner) time(a Arm) (Sample, error) {
	cmd, err := a.Make()
	if err != nil {
		return Sample{}, fmt.Errorf("%s: %w", a.Name, err)
	}
	var printed strings.Builder
	cmd.Stdout, cmd.Stderr = &printed, &printed
	floor := settle()
	if !r.Unsynced {
		syscall.Sync()
	}
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return Sample{}, fmt.Errorf("%s: %s: %w\n%s", a.Name, strings.Join(cmd.Args, " "), err, printed.String())
	}
	peak := float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1e6
	if runtime.GOOS == "linux" {
		peak *= 1024 // there in KiB
	}
	if peak <= floor*1.05 {
		peak = 0
	}
	return Sample{ms(wall), ms(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()), peak}, nil
}

// ownGroup puts a command into a process group, so that an interrupt ends what it started as well: a mount could not go otherwise.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// settle has this process give back what memory it can, and returns how much it has, in MB: on Linux a command's peak begins
// with that of the process that starts it, so less than that cannot be known.
func settle() float64 {
	if runtime.GOOS != "linux" {
		return 0
	}
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the peak so far counts no more; without it less is known
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	value, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	kib, _ := strconv.ParseFloat(value, 64)
	return kib * 1024 / 1e6
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Once times a single command that cannot be repeated.
func (r *Runner) Once(cmd *exec.Cmd) (Sample, error) {
	return r.time(Arm{Name: "once", Make: func() (*exec.Cmd, error) { return cmd, nil }})
}
