// Package report turns what was measured into what people read: tables in Markdown, between markers in a document that is otherwise
// written by hand, and a plot for each.
package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gostore/tests/bench/figures"
)

// Machine formats the facts about a machine as a table.
func Machine(facts []figures.Fact) string {
	var b strings.Builder
	b.WriteString("| | |\n|---|---|\n")
	for _, f := range facts {
		fmt.Fprintf(&b, "| %s | %s |\n", cell(f.Name), cell(f.Value))
	}
	return b.String()
}

// Targets formats all that was aimed at, and what came of it.
func Targets(tables []figures.Table) string {
	var b strings.Builder
	b.WriteString("| | aim | measured | met | on |\n|---|---|---|---|---|\n")
	for _, t := range tables {
		for _, target := range t.Targets {
			measured, verdict := "not measured here", ""
			if value, met, ok := t.Measure(target); ok {
				measured, verdict = amount(t, target, value), yesNo(met)
			}
			fmt.Fprintf(&b, "| [%s](#%s) | at most %s | %s | %s | %s |\n", cell(target.What), anchor(t.Title), amount(t, target, target.AtMost), measured, verdict, cell(t.Place))
		}
	}
	return b.String()
}

// amount formats a value that a target is about.
func amount(t figures.Table, target figures.Target, value float64) string {
	switch {
	case target.Peak:
		return whole(value) + " MB"
	case target.To == "":
		return Number(value) + " " + t.Unit
	}
	return Ratio(value)
}

func yesNo(met bool) string {
	if met {
		return "yes"
	}
	return "**no**"
}

// anchor returns the fragment under which a heading is found.
func anchor(title string) string {
	keep := func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z':
			return r
		}
		return -1
	}
	return strings.Map(keep, strings.ToLower(title))
}

// Table formats a comparison: a heading, its plot at the path that is given, and a row for each arm.
func Table(t figures.Table, plot string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", t.Title)
	if t.Note != "" {
		fmt.Fprintf(&b, "%s\n\n", t.Note)
	}
	fmt.Fprintf(&b, "![%s](%s)\n\n", strings.NewReplacer("[", "(", "]", ")").Replace(t.Title), plot)
	costs := hasCosts(t)
	fmt.Fprintf(&b, "| %s | %s: median | least–most | gostore ÷ it | aim |", cell(t.Place), cell(t.Unit))
	if costs {
		b.WriteString(" CPU ms | peak MB |")
	}
	b.WriteString("\n|---|---|---|---|---|" + strings.Repeat("---|---|", one(costs)) + "\n")
	for _, a := range t.Arms {
		b.WriteString(row(t, a, costs))
	}
	for _, s := range t.Skipped {
		fmt.Fprintf(&b, "\nNot compared: %s.\n", s)
	}
	return b.String()
}

func row(t figures.Table, a figures.Arm, costs bool) string {
	ratio, aim := "", ""
	if a.Name == t.Base().Name {
		ratio = "1"
	} else if value, target := t.Compared(a); value > 0 {
		ratio = Ratio(value)
		if target != nil {
			_, met, _ := t.Measure(*target)
			aim = "≤ " + Ratio(target.AtMost) + map[bool]string{true: " ✓", false: " ✗"}[met]
		}
	}
	spread := ""
	if least, most := a.Range(); len(a.Runs) > 1 {
		spread = Number(least) + "–" + Number(most)
	}
	name := cell(a.Name)
	if a.Ours {
		name = "**" + name + "**"
	}
	line := fmt.Sprintf("| %s | %s | %s | %s | %s |", name, Number(a.Median()), spread, ratio, aim)
	if costs {
		line += fmt.Sprintf(" %s | %s |", known(a.CPU, Number), known(a.Peak, whole))
	}
	return line + "\n"
}

// hasCosts says whether processor time and memory of any arm are known.
func hasCosts(t figures.Table) bool {
	for _, a := range t.Arms {
		if a.CPU > 0 || a.Peak > 0 {
			return true
		}
	}
	return false
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// known formats a cost, nothing when it is not known.
func known(v float64, format func(float64) string) string {
	if v == 0 {
		return ""
	}
	return format(v)
}

func whole(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }

// Number formats a value with three digits, or more before the point.
func Number(v float64) string {
	decimals := 0
	if v != 0 {
		decimals = min(3, max(0, 2-int(math.Floor(math.Log10(math.Abs(v))))))
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// Ratio formats a ratio with two decimals, or three when it is very small.
func Ratio(v float64) string {
	if v < 0.1 {
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// cell keeps a text from ending its cell.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
}
