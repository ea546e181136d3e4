package cmd

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"gostore/internal/doctor"
	"gostore/internal/redact"
	"gostore/internal/release"
)

// report returns what was found as Markdown, without what is nobody else's business.
func (a *app) report(h *doctor.Host, results []doctor.Examined) string {
	var b strings.Builder
	b.WriteString("### gostore doctor\n\n| | |\n|---|---|\n")
	for _, fact := range a.facts(h) {
		fmt.Fprintf(&b, "| %s | %s |\n", fact[0], strings.ReplaceAll(fact[1], "|", `\|`))
	}
	fmt.Fprintf(&b, "\n**%s**\n\n", summary(results))
	var well []string
	for _, r := range results {
		if len(r.Findings) == 0 {
			well = append(well, r.Name)
		}
		for _, f := range r.Findings {
			fmt.Fprintf(&b, "#### %s: %s (`%s`)\n\n", f.Severity, f.Title, f.ID)
			b.WriteString(fence("", f.Evidence))
			b.WriteString(fence("sh", f.Mend))
		}
	}
	if well != nil {
		fmt.Fprintf(&b, "Nothing found by: %s.\n", strings.Join(well, ", "))
	}
	return a.person().Text(b.String())
}

// person is whose machine this is.
func (a *app) person() redact.Person {
	p := redact.Person{Home: a.cfg.getenv("HOME"), Environ: a.cfg.Environ}
	for _, name := range []string{"USER", "LOGNAME", "SUDO_USER"} {
		p.Users = append(p.Users, a.cfg.getenv(name))
	}
	if u, err := user.Current(); err == nil {
		p.Users = append(p.Users, u.Username)
	}
	p.Host, _ = os.Hostname() // best effort: a name that the system does not know stands nowhere either
	return p
}

// facts is what whoever reads the report asks first.
func (a *app) facts(h *doctor.Host) [][2]string {
	facts := [][2]string{
		{"gostore", fmt.Sprintf("%s, %s, built with %s", version, release.Host(), runtime.Version())},
		{"system", systemName()},
	}
	if v := h.Loader.Libc(); v != "" {
		facts = append(facts, [2]string{"libc", "glibc " + v})
	} else if h.Loader.Musl() {
		facts = append(facts, [2]string{"libc", "musl"})
	}
	facts = append(facts, [2]string{"shell", filepath.Base(a.cfg.getenv("SHELL"))})
	if h.Root != "" {
		facts = append(facts, [2]string{"store", storeFact(h)})
	}
	var tools []string
	for _, t := range h.Tools {
		tools = append(tools, t.Label)
	}
	if tools != nil {
		facts = append(facts, [2]string{"tools", strings.Join(tools, ", ")})
	}
	return facts
}

func storeFact(h *doctor.Host) string {
	if h.Store == nil {
		return h.Root + ", not made yet"
	}
	objects, err := h.Store.Objects()
	if err != nil {
		return h.Root
	}
	return fmt.Sprintf("%s, %s", h.Root, count(len(objects), "object"))
}

// systemName returns the name of the distribution and the version of the kernel.
func systemName() string {
	name := runtime.GOOS
	if data, err := os.ReadFile("/etc/os-release"); err == nil {
		for line := range strings.Lines(string(data)) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
				name = strings.Trim(v, `"'`)
			}
		}
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		name += ", " + unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
	return name
}
