package main

import (
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// arm is one side of a comparison. make prepares a run, uncounted, and returns the command to time.
type arm struct {
	name string
	make func() (*exec.Cmd, error)
}

// sample is what the operating system says of one finished run.
type sample struct {
	wall, cpu time.Duration
	rss       int64 // bytes
}

// compare times the arms in turn and prints a table; ratios are to the first arm.
func (b *bench) compare(title string, arms ...arm) error {
	samples := make([][]sample, len(arms))
	for round := range b.runs + 1 { // the first warms up
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
	fmt.Printf("\n### %s\n\n| | wall ms: median (min–max) | ratio | CPU ms | peak MB |\n|---|---|---|---|---|\n", title)
	for i, a := range arms {
		fmt.Printf("| %s | %s | %s | %.1f | %.0f |\n", a.name, spread(samples[i]), ratio(samples[0], samples[i]),
			median(samples[i], func(s sample) float64 { return ms(s.cpu) }),
			median(samples[i], func(s sample) float64 { return float64(s.rss) / 1e6 }))
	}
	return nil
}

// time runs a command once. What it prints is shown only if it fails.
func (b *bench) time(a arm) (sample, error) {
	cmd, err := a.make()
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", a.name, err)
	}
	var printed strings.Builder
	cmd.Stdout, cmd.Stderr = &printed, &printed
	syscall.Sync()
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %s: %w\n%s", a.name, strings.Join(cmd.Args, " "), err, printed.String())
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	rss := usage.Maxrss
	if runtime.GOOS == "linux" {
		rss <<= 10 // there in KiB
	}
	return sample{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), rss}, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(samples []sample, of func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return middle(values)
}

func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// spread formats the median, the least and the most wall time.
func spread(samples []sample) string {
	var values []float64
	for _, s := range samples {
		values = append(values, ms(s.wall))
	}
	m := middle(values)
	return fmt.Sprintf("%.2f (%.2f–%.2f)", m, values[0], values[len(values)-1])
}

// ratio is the median of the ratios of the pairs: a machine that slows down slows both of a pair.
func ratio(base, other []sample) string {
	var values []float64
	for i := range base {
		values = append(values, float64(other[i].wall)/float64(base[i].wall))
	}
	return fmt.Sprintf("%.2f", middle(values))
}

// diskUse returns the bytes that directories take, every inode counted once.
func diskUse(dirs ...string) (int64, error) {
	out, err := exec.Command("du", append([]string{"-sk", "-c"}, dirs...)...).Output()
	if err != nil {
		return 0, err
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var kib int64
	_, err = fmt.Sscan(lines[len(lines)-1], &kib)
	return kib << 10, err
}
