package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gostore/internal/environment"
	"gostore/profile"
)

func (a *app) generationsCommand() *cobra.Command {
	var name string
	var asJSON bool
	c := &cobra.Command{
		Use:   "generations",
		Short: "List a profile's generations and its history",
		Long: `Lists the generations of a profile that exist, the current one marked with "*", and then what
was done to the profile: when, by whom, with which command, and what it changed.`,
		Example: `  gostore generations
  gostore generations --json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.generations(c.Context(), name, asJSON) },
	}
	a.profileFlag(c, &name)
	jsonFlag(c, &asJSON)
	return c
}

// generationJSON is a generation in the answer of generations --json.
type generationJSON struct {
	Number  int        `json:"generation"`
	Current bool       `json:"current"`
	Made    time.Time  `json:"made"`
	Tree    string     `json:"tree"`
	Tools   []toolJSON `json:"tools"`
	Problem string     `json:"problem,omitempty"`
}

// recordJSON is a record of the history there.
type recordJSON struct {
	profile.Record
	Abandoned bool `json:"abandoned,omitempty"`
}

func (a *app) generations(ctx context.Context, name string, asJSON bool) error {
	p, err := a.settledProfile(ctx, name)
	if err != nil {
		return err
	}
	list, err := p.Generations()
	if err != nil {
		return err
	}
	history, historyErr := p.History() // what could be read of it is shown before the error
	if asJSON {
		return errors.Join(a.generationsJSON(p, list, history), historyErr)
	}
	if len(list) == 0 && historyErr == nil {
		return &profile.NoGenerationError{Profile: name}
	}
	a.ui.table(generationRows(list))
	a.ui.answer("")
	rows := [][]string{{"TIME", "USER", "COMMAND", "CHANGE"}}
	for _, r := range history {
		rows = append(rows, []string{when(r.Time), r.User, r.Command, happened(r)})
	}
	a.ui.table(rows)
	return historyErr
}

func generationRows(list []profile.Generation) [][]string {
	width := 0
	for _, g := range list {
		width = max(width, len(strconv.Itoa(g.Number)))
	}
	var rows [][]string
	for _, g := range list {
		mark := " "
		if g.Current {
			mark = "*"
		}
		what := g.Problem
		if env, err := environment.Load(g.Dir); err == nil {
			what = describe(env)
		}
		rows = append(rows, []string{fmt.Sprintf("%s %*d", mark, width, g.Number), when(g.Made), what})
	}
	return rows
}

func (a *app) generationsJSON(p *profile.Profile, list []profile.Generation, history []profile.Record) error {
	generations := []generationJSON{}
	for _, g := range list {
		env, _ := environment.Load(g.Dir) // what is wrong with it is in Problem
		generations = append(generations, generationJSON{g.Number, g.Current, g.Made, g.Tree.String(), toolsJSON(env), g.Problem})
	}
	records := []recordJSON{}
	for _, r := range history {
		records = append(records, recordJSON{r, r.Abandoned})
	}
	return a.ui.answerJSON(map[string]any{"profile": p.Name(), "generations": generations, "history": records})
}

// happened says what a record of the history is about.
func happened(r profile.Record) string {
	var b strings.Builder
	switch r.Action {
	case profile.Prune:
		numbers := make([]string, len(r.Pruned))
		for i, n := range r.Pruned {
			numbers[i] = strconv.Itoa(n)
		}
		fmt.Fprintf(&b, "removed generation %s", strings.Join(numbers, ", "))
	case profile.Keep:
		fmt.Fprintf(&b, "kept generation %d", r.To.Number)
	default:
		fmt.Fprintf(&b, "%d -> %d", r.From.Number, r.To.Number)
	}
	if r.Trial != nil {
		fmt.Fprintf(&b, " until %s", when(r.Trial.Until))
	}
	for i, c := range r.Changes {
		b.WriteString([]string{": ", ", "}[min(i, 1)] + toolChange(c.Tool, c.Was, c.Is))
	}
	if r.Abandoned {
		b.WriteString(" (not carried out)")
	}
	return b.String()
}

// toolChange says how a tool differs: "go 1.22.6 -> 1.26.0".
func toolChange(tool, was, is string) string {
	switch {
	case was == "":
		return fmt.Sprintf("%s added %s", tool, is)
	case is == "":
		return fmt.Sprintf("%s removed %s", tool, was)
	case was == is:
		return fmt.Sprintf("%s %s, presented or built otherwise", tool, is)
	}
	return fmt.Sprintf("%s %s -> %s", tool, was, is)
}

// when formats a time for people, in their own zone.
func when(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
