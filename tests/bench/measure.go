package main

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

// arm is one side of a comparison. make prepares a run, uncounted, and returns the command to time.
type arm struct {
	name string
	ours bool
	make func() (*exec.Cmd, error)
}

// always is an arm of a command that needs no preparation.
func always(name string, ours bool, command func() *exec.Cmd) arm {
	return arm{name, ours, func() (*exec.Cmd, error) { return command(), nil }}
}

// sample is what the operating system says of one finished run.
type sample struct {
	wall, cpu float64 // ms
	peak      float64 // MB, 0 when it is less than what the benchmark itself takes
}

// runs returns how often an arm is run and counted, of what wants it n times.
func (b *bench) runs(n int) int {
	short := n >= 20 // of what takes milliseconds
	switch {
	case b.options.runs > 0 && short:
		return 20 * b.options.runs
	case b.options.runs > 0:
		return b.options.runs
	case b.options.quick:
		return max(1, n/3)
	}
	return n
}

// compare times the arms in turn, n times after a warm-up, and keeps the table.
func (b *bench) compare(t figures.Table, n int, arms ...arm) error {
	n = b.runs(n)
	samples := make([][]sample, len(arms))
	for round := range n + 1 { // the first warms up
		if n < 20 || round%50 == 0 {
			fmt.Fprintf(b.log, "%s%s: round %d of %d\n", t.Name, b.suffix, round, n)
		}
		for i, a := range arms {
			s, err := b.time(a)
			if err != nil {
				return err
			}
			if round > 0 {
				samples[i] = append(samples[i], s)
			}
		}
	}
	for i, a := range arms {
		t.Arms = append(t.Arms, summary(a, samples[i]))
	}
	t.Unit = "ms"
	return b.keep(t)
}

// keep adds a finished table. Its targets of arms that are not there, as a peer was missing, stay and are said not to be measured.
func (b *bench) keep(t figures.Table) error {
	if err := t.Check(); err != nil {
		return err
	}
	t.Name += b.suffix
	if b.suffix != "" {
		t.Title += ", on " + b.place.Kind
	}
	t.Place = b.place.Kind
	b.tables = append(b.tables, t)
	return nil
}

// summary is what a table says of an arm.
func summary(a arm, samples []sample) figures.Arm {
	result := figures.Arm{Name: a.name, Ours: a.ours}
	var cpu []float64
	for _, s := range samples {
		result.Runs = append(result.Runs, rounded(s.wall))
		result.Peak = max(result.Peak, math.Round(s.peak))
		cpu = append(cpu, s.cpu)
	}
	result.CPU = rounded(figures.Median(cpu))
	return result
}

// rounded keeps four digits after the point: the clock knows no more.
func rounded(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// time runs a command once. What it prints is shown only if it fails.
func (b *bench) time(a arm) (sample, error) {
	cmd, err := a.make()
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", a.name, err)
	}
	var printed strings.Builder
	cmd.Stdout, cmd.Stderr = &printed, &printed
	floor := settle()
	if !b.options.unsynced {
		syscall.Sync()
	}
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %s: %w\n%s", a.name, strings.Join(cmd.Args, " "), err, printed.String())
	}
	peak := float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1e6
	if runtime.GOOS == "linux" {
		peak *= 1024 // there in KiB
	}
	if peak <= floor*1.05 {
		peak = 0
	}
	return sample{ms(wall), ms(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()), peak}, nil
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

// once times a single command that cannot be repeated.
func (b *bench) once(cmd *exec.Cmd) (sample, error) {
	return b.time(arm{name: "once", make: func() (*exec.Cmd, error) { return cmd, nil }})
}

// diskUse returns the bytes that a directory takes, every inode counted once.
func diskUse(dir string) (int64, error) {
	out, err := exec.Command("du", "-sk", dir).Output()
	if err != nil {
		return 0, err
	}
	var kib int64
	_, err = fmt.Sscan(string(out), &kib)
	return kib << 10, err
}
