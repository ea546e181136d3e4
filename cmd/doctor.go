package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gostore/internal/doctor"
)

// doctorOptions are the flags of "gostore doctor".
type doctorOptions struct{ json, report, list bool }

func (a *app) doctorCommand() *cobra.Command {
	o := doctorOptions{}
	c := &cobra.Command{
		Use:   "doctor [PROBE]...",
		Short: "Find what keeps tools from working on this machine, and say what mends it",
		Long: `Looks for what people spend afternoons on: another go first on PATH, a GOROOT that a start
file exports, shells that do not find gostore, a glibc too old for a tool, mounts that
execute nothing, full disks, broken proxies, a wrong clock, other version managers, and what is
wrong with the store. Each finding comes with its evidence and with the commands that mend it.

Nothing is changed. Shells are started to see what their start files do; the configured module
proxies and registries are asked for the time, unless --offline is given.

PROBE names what to look at; --list lists the names. --report prints Markdown for an issue, without
passwords, tokens and your name: read it before you send it. The exit status is 1 when there is
a problem, 0 with warnings and notes only.`,
		Example: `  gostore doctor
  gostore doctor path variables
  gostore doctor --report
  gostore doctor --list`,
		ValidArgsFunction: completeProbes,
		RunE: func(c *cobra.Command, args []string) error {
			if o.json && o.report {
				return usagef("--json and --report exclude each other")
			}
			return a.doctor(c.Context(), args, o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.report, "report", false, "print a report in Markdown, without secrets")
	f.BoolVar(&o.list, "list", false, "list the probes, and look at nothing")
	jsonFlag(c, &o.json)
	return c
}

func completeProbes(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, p := range doctor.Probes() {
		names = append(names, p.Name+"\t"+p.About)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) doctor(ctx context.Context, names []string, o doctorOptions) error {
	probes, err := doctor.Select(names)
	var unknown *doctor.UnknownError
	if errors.As(err, &unknown) {
		return usagef("%v", err).withHints(didYouMean(nearest(unknown.Name, probeNames())), `"gostore doctor --list" lists the probes`)
	}
	if o.list {
		return a.listProbes(probes, o.json)
	}
	host := a.doctorHost(ctx)
	results := doctor.Examine(ctx, host, probes)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch {
	case o.json:
		if err := a.ui.answerJSON(examinedJSON(results)); err != nil {
			return err
		}
	case o.report:
		a.ui.write(a.report(host, results))
	default:
		a.tellExamined(results)
	}
	if n := doctor.Count(results, doctor.Problem); n > 0 {
		return advise(errors.New(count(n, "problem")), exitFailed)
	}
	return nil
}

func probeNames() []string {
	var names []string
	for _, p := range doctor.Probes() {
		names = append(names, p.Name)
	}
	return names
}

// kindJSON and probeJSON are the answer of doctor --list --json.
type kindJSON struct {
	ID    string `json:"id"`
	About string `json:"about"`
}

type probeJSON struct {
	Name  string     `json:"name"`
	About string     `json:"about"`
	Finds []kindJSON `json:"finds"`
}

func (a *app) listProbes(probes []doctor.Probe, asJSON bool) error {
	list := []probeJSON{}
	var rows [][]string
	for _, p := range probes {
		j := probeJSON{p.Name, p.About, []kindJSON{}}
		for _, k := range p.Kinds {
			j.Finds = append(j.Finds, kindJSON(k))
		}
		list = append(list, j)
		rows = append(rows, []string{p.Name, p.About})
	}
	if asJSON {
		return a.ui.answerJSON(list)
	}
	a.ui.table(rows)
	return nil
}

// examined is the answer of doctor --json.
type examined struct {
	Problems int               `json:"problems"`
	Warnings int               `json:"warnings"`
	Notes    int               `json:"notes"`
	Probes   []string          `json:"probes"` // that looked
	Findings []examinedFinding `json:"findings"`
}

type examinedFinding struct {
	ID       string   `json:"id"`
	Probe    string   `json:"probe"`
	Severity string   `json:"severity"`
	Subject  string   `json:"subject"`
	Title    string   `json:"title"`
	Evidence []string `json:"evidence"`
	Mend     []string `json:"mend"`
}

func examinedJSON(results []doctor.Examined) examined {
	e := examined{
		Problems: doctor.Count(results, doctor.Problem), Warnings: doctor.Count(results, doctor.Warning), Notes: doctor.Count(results, doctor.Note),
		Probes: []string{}, Findings: []examinedFinding{},
	}
	for _, r := range results {
		e.Probes = append(e.Probes, r.Name)
		for _, f := range r.Findings {
			e.Findings = append(e.Findings, examinedFinding{
				f.ID, r.Name, string(f.Severity), f.Subject, f.Title, orEmpty(f.Evidence), orEmpty(f.Mend),
			})
		}
	}
	return e
}

// tellExamined prints what was found, by probe; what is well is told with -v only.
func (a *app) tellExamined(results []doctor.Examined) {
	total := 0
	for _, r := range results {
		total += len(r.Findings)
		if len(r.Findings) == 0 {
			a.ui.detail("%s: nothing found (%s)", r.Name, r.About)
			continue
		}
		for _, f := range r.Findings {
			a.ui.answer("%s: %s: %s [%s]", r.Name, f.Severity, visible(f.Title), f.ID)
			for _, line := range f.Evidence {
				a.ui.answer("    %s", visible(line))
			}
			for _, line := range f.Mend {
				a.ui.answer("%s", visible(mendLine(line)))
			}
			a.ui.answer("")
		}
	}
	if total == 0 {
		a.ui.answer("nothing found by %s", count(len(results), "probe"))
		return
	}
	a.ui.answer("%s", summary(results))
}

// mendLine marks a command as one to be pasted. A remark is not: an interactive zsh takes # for a command.
func mendLine(line string) string {
	if remark, is := strings.CutPrefix(line, "# "); is {
		return "    " + remark
	}
	return "  $ " + line
}

// summary counts the findings in words.
func summary(results []doctor.Examined) string {
	var parts []string
	for _, s := range []doctor.Severity{doctor.Problem, doctor.Warning, doctor.Note} {
		if n := doctor.Count(results, s); n > 0 {
			parts = append(parts, count(n, string(s)))
		}
	}
	if parts == nil {
		return "nothing found"
	}
	return strings.Join(parts, ", ")
}

// fence returns a block of Markdown that shows lines as they are, whatever is in them.
func fence(language string, lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	mark := "```"
	text := strings.Join(lines, "\n")
	for strings.Contains(text, mark) {
		mark += "`"
	}
	return fmt.Sprintf("%s%s\n%s\n%s\n\n", mark, language, text, mark)
}
