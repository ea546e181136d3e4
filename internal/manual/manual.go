// Package manual makes manual pages of what commands say about themselves.
//
// A page is roff with the macros of package man, as man-db, groff and mandoc read it without a warning. The same descriptions and the same
// day give the same bytes.
package manual

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gostore/cmd"
)

// Section is the section of the manual that the pages belong to.
const Section = "1"

// Name returns the name of a command's page, "gostore-lock".
func Name(d cmd.Description) string { return strings.Join(d.Path, "-") }

// Page returns a command's page. all are all commands, of which it names the relatives; day stands at its foot.
func Page(d cmd.Description, all []cmd.Description, day time.Time) string {
	p := &page{}
	p.line(`.TH %s %s %s "gostore %s" "gostore"`, quote(strings.ToUpper(Name(d))), Section, day.UTC().Format(time.DateOnly), cmd.Version)
	p.section("NAME")
	p.line(`%s \- %s`, escape(Name(d)), escape(d.Short))
	p.section("SYNOPSIS")
	if d.Usage != "" {
		p.line(`.B %s`, escape(d.Usage))
	}
	if len(d.Commands) > 0 {
		if d.Usage != "" {
			p.line(".br")
		}
		p.line(`.B %s COMMAND`, escape(strings.Join(d.Path, " ")))
	}
	p.section("DESCRIPTION")
	p.text(cmp.Or(d.Long, d.Short+"."))
	if len(d.Commands) > 0 {
		p.section("COMMANDS")
		for _, name := range d.Commands {
			i := slices.IndexFunc(all, func(o cmd.Description) bool { return slices.Equal(o.Path, append(slices.Clone(d.Path), name)) })
			p.item(`\fB`+escape(name)+`\fR`, all[i].Short)
		}
	}
	p.flags("OPTIONS", d.Flags)
	p.flags("OPTIONS OF EVERY COMMAND", d.Inherited)
	if len(d.Examples) > 0 {
		p.section("EXAMPLES")
		p.verbatim(d.Examples)
	}
	p.section("EXIT STATUS")
	p.text(d.ExitStatus)
	p.table("FILES", files)
	p.table("ENVIRONMENT", environment)
	p.section("SEE ALSO")
	p.line("%s", seeAlso(d, all))
	return p.b.String()
}

// seeAlso names the pages of the program, of its other commands, and of go.
func seeAlso(d cmd.Description, all []cmd.Description) string {
	var names []string
	for _, o := range all {
		if len(o.Path) <= 2 && Name(o) != Name(d) {
			names = append(names, fmt.Sprintf(`\fB%s\fR(%s)`, escape(Name(o)), Section))
		}
	}
	return strings.Join(names, ",\n")
}

// page is a page that is being written.
type page struct{ b strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.b, format+"\n", args...) }

func (p *page) section(title string) { p.line(".SH %s", title) }

// text writes paragraphs. Indented lines are kept as they are.
func (p *page) text(text string) {
	between := false // a blank line was read, so that a paragraph begins
	for block := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		if between {
			p.line(".PP")
		}
		between = true
		p.block(strings.Split(block, "\n"))
	}
}

// block writes the lines of a paragraph, in which lines of text and indented ones may follow each other.
func (p *page) block(lines []string) {
	for len(lines) > 0 {
		indented := strings.HasPrefix(lines[0], " ")
		n := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, " ") != indented })
		if n < 0 {
			n = len(lines)
		}
		if indented {
			p.verbatim(lines[:n])
		} else {
			for _, l := range lines[:n] {
				p.line("%s", escape(l))
			}
		}
		lines = lines[n:]
	}
}

// verbatim writes lines that are not filled.
func (p *page) verbatim(lines []string) {
	p.line(".RS 4\n.nf")
	for _, l := range lines {
		p.line("%s", escape(strings.TrimPrefix(l, "  ")))
	}
	p.line(".fi\n.RE")
}

// item writes a term, in roff, and what it means.
func (p *page) item(term, meaning string) {
	p.line(".TP\n%s", term)
	p.line("%s", escape(meaning))
}

func (p *page) flags(title string, list []cmd.Flag) {
	if len(list) == 0 {
		return
	}
	p.section(title)
	for _, f := range list {
		term := `\fB\-\-` + escape(f.Long) + `\fR`
		if f.Short != "" {
			term = `\fB\-` + escape(f.Short) + `\fR, ` + term
		}
		if f.Value != "" {
			term += `=\fI` + escape(f.Value) + `\fR`
		}
		p.item(term, f.Usage)
	}
}

func (p *page) table(title string, rows [][2]string) {
	p.section(title)
	for _, row := range rows {
		p.item(`\fI`+escape(row[0])+`\fR`, row[1])
	}
}

// escape makes text of a line mean itself.
func escape(s string) string {
	s = escaper.Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// escaper is for what roff understands otherwise, and for what would be shown as another character.
var escaper = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "…", "...", "\t", "    ")

func quote(s string) string { return `"` + strings.ReplaceAll(escape(s), `"`, `\(dq`) + `"` }
