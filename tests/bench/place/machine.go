package place

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"gostore/tests/bench/figures"
)

// Machine returns what is to be known of a machine to judge what was measured on it. What cannot be found out is left out.
func Machine(ctx context.Context, now time.Time) []figures.Fact {
	facts := []figures.Fact{{Name: "date", Value: now.UTC().Format(time.DateOnly)}}
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, figures.Fact{Name: name, Value: value})
		}
	}
	add("processor", fmt.Sprintf("%d × %s", runtime.NumCPU(), orSay(field("/proc/cpuinfo", "model name"), runtime.GOARCH)))
	if kib, err := strconv.Atoi(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB")); err == nil {
		add("memory", fmt.Sprintf("%.0f GiB", float64(kib)/(1<<20)))
	}
	add("kernel", output(ctx, "uname", "-sr"))
	if virtual := output(ctx, "systemd-detect-virt"); virtual != "none" {
		add("virtual", virtual)
	}
	add("load at the start", firstWord("/proc/loadavg"))
	add("Go", runtime.Version())
	return facts
}

// written is how much WriteSpeed writes.
const written = 512 << 20

// WriteSpeed returns how fast a large file is written in a directory and synced.
func WriteSpeed(dir string) (figures.Fact, error) {
	name := filepath.Join(dir, "speed")
	file, err := os.Create(name)
	if err != nil {
		return figures.Fact{}, err
	}
	defer os.Remove(name)
	defer file.Close()
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i * 7)
	}
	start := time.Now()
	for range written / len(block) {
		if _, err := file.Write(block); err != nil {
			return figures.Fact{}, err
		}
	}
	if err := file.Sync(); err != nil {
		return figures.Fact{}, err
	}
	return figures.Fact{Name: "writing", Value: fmt.Sprintf("%.0f MB/s, synced", written/1e6/time.Since(start).Seconds())}, nil
}

// field returns the value of "name : value" in a file of the kernel.
func field(path, name string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func firstWord(path string) string {
	data, _ := os.ReadFile(path)
	word, _, _ := strings.Cut(string(data), " ")
	return word
}

func output(ctx context.Context, name string, args ...string) string {
	out, _ := exec.CommandContext(ctx, name, args...).Output() // an exit status may be an answer as well
	return strings.TrimSpace(string(out))
}

func orSay(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
