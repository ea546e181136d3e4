package report

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"gostore/tests/bench/figures"
)

// The measures of a plot, in pixels.
const (
	plotWidth                = 860
	barsLeft                 = 330 // where the bars begin; names stand left of it
	barsRight                = 640 // where the longest may end; values stand right of it
	valuesLeft, verdictsLeft = barsRight + 22, barsRight + 82

	rowHeight  = 34
	barHeight  = 16
	plotTop    = 76
	plotBottom = 34
)

// The colours are legible on white and on black. Those of what is drawn change with the reader's preference.
const plotStyle = `
    text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }
    .title { font-size: 16px; font-weight: 600 }
    .small { font-size: 11.5px; fill: #57606a }
    .ours { fill: #1a7f64 } .oursname { font-weight: 600; fill: #1a7f64 }
    .theirs { fill: #afb8c1 }
    .met { fill: #1a7f64 } .missed { fill: #bc4c00 }
    .aim { stroke: #bc4c00; stroke-width: 2.5 }
    .spread { stroke: #57606a; stroke-width: 1 }
    .base { stroke: #1a7f64; stroke-width: 1; stroke-dasharray: 3 3 }
    .axis { stroke: #d0d7de; stroke-width: 1 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .small { fill: #9198a1 }
      .ours, .oursname, .met { fill: #3fb68b } .theirs { fill: #545d68 }
      .missed { fill: #f0883e } .aim { stroke: #f0883e }
      .spread { stroke: #9198a1 } .base { stroke: #3fb68b } .axis { stroke: #3d444d }
    }`

// Plot draws a table as an SVG document: a bar for the median of each arm with a line from its least to its most, and on the bar of what
// gostore is measured against a mark where gostore's bar has to end.
func Plot(t figures.Table) string {
	p := &plot{table: t, most: scaleOf(t)}
	height := plotTop + rowHeight*len(t.Arms) + plotBottom
	p.addf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %[1]d %[2]d\" role=\"img\" aria-labelledby=\"t\">\n", plotWidth, height)
	p.addf("  <title id=\"t\">%s</title>\n  <style>%s\n  </style>\n", escape(t.Title), plotStyle)
	p.text(16, 28, "title", t.Title)
	p.text(16, 50, "small", fmt.Sprintf("%s, median and range, less is better. %s", t.Unit, t.Place))
	bottom := plotTop + rowHeight*len(t.Arms)
	p.addf("  <line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%[1]d\" y2=\"%[3]d\"/>\n", barsLeft, plotTop-4, bottom)
	p.text(valuesLeft, plotTop-10, "small", "median")
	p.text(verdictsLeft, plotTop-10, "small", "gostore takes")
	for i, a := range t.Arms {
		p.bar(a, plotTop+rowHeight*i+rowHeight/2)
	}
	if base := t.Base(); base.Ours {
		p.addf("  <line class=\"base\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1[1]f\" y2=\"%[3]d\"/>\n", p.x(base.Median()), plotTop-4, bottom)
	}
	p.legend(bottom + 20)
	p.addf("</svg>\n")
	return p.String()
}

type plot struct {
	strings.Builder
	table figures.Table
	most  float64
}

// addf cannot fail: a strings.Builder takes everything.
func (p *plot) addf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// scaleOf returns the value that the longest bar stands for.
func scaleOf(t figures.Table) float64 {
	most := 0.0
	for _, a := range t.Arms {
		most = max(most, a.Median())
	}
	return max(most, math.SmallestNonzeroFloat32)
}

// x returns where a value is. What is beyond the scale, as the most of an arm may be, ends a little behind it.
func (p *plot) x(value float64) float64 {
	return barsLeft + min(value/p.most, 1.03)*(barsRight-barsLeft)
}

// bar draws one arm with its middle at y.
func (p *plot) bar(a figures.Arm, y int) {
	class, name := "theirs", ""
	if a.Ours {
		class, name = "ours", "oursname"
	}
	p.addf("  <text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", name, barsLeft-12, y+4, escape(shorten(a.Name, 44)))
	p.addf("  <rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>\n", class, barsLeft, y-barHeight/2, max(1, p.x(a.Median())-barsLeft), barHeight)
	if least, most := a.Range(); len(a.Runs) > 1 {
		p.addf("  <path class=\"spread\" d=\"M%.1f %dH%.1fM%.1[1]f %[4]dv6M%.1[3]f %[4]dv6\"/>\n", p.x(least), y, p.x(most), y-3)
	}
	value, class := Number(a.Median()), ""
	verdict := ""
	if a.Name != p.table.Base().Name {
		if ratio, aim := p.table.Compared(a); aim != nil && ratio > 0 {
			of, _ := p.table.Arm(aim.Of)
			at := p.x(of.Median() / ratio * aim.AtMost)
			p.addf("  <line class=\"aim\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1[1]f\" y2=\"%[3]d\"/>\n", at, y-barHeight/2-3, y+barHeight/2+3)
			_, met, _ := p.table.Measure(*aim)
			class = map[bool]string{true: "met", false: "missed"}[met]
			verdict = fmt.Sprintf("%s of it, aim %s", Ratio(ratio), Ratio(aim.AtMost))
		} else if ratio > 0 {
			class, verdict = "small", Ratio(ratio)+" of it"
		}
	}
	p.text(valuesLeft, y+4, "", value)
	if verdict != "" {
		p.text(verdictsLeft, y+4, class, verdict)
	}
}

// legend says what the marks mean.
func (p *plot) legend(y int) {
	if len(p.table.Targets) == 0 {
		return
	}
	p.addf("  <line class=\"aim\" x1=\"%d\" y1=\"%d\" x2=\"%[1]d\" y2=\"%[3]d\"/>\n", barsLeft+2, y-10, y+1)
	p.text(barsLeft+10, y, "small", "gostore's aim: its bar ends left of this mark")
}

func (p *plot) text(x, y int, class, s string) {
	p.addf("  <text class=\"%s\" x=\"%d\" y=\"%d\">%s</text>\n", class, x, y, escape(s))
}

// shorten keeps a name from running out of the picture.
func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:most-1]), " ,") + "…"
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}
