package check

import (
	"fmt"
	"strings"
	"unicode"
)

// Text returns a finding as one line: FILE:LINE: message [rule]. A column stands after the line where there is one.
func (f Finding) Text() string {
	place := fmt.Sprintf("%s:%d", oneLine(f.File), f.Line)
	if f.Column > 0 {
		place += fmt.Sprintf(":%d", f.Column)
	}
	return fmt.Sprintf("%s: %s [%s]", place, oneLine(f.Message), f.Rule)
}

// GitHub returns a finding as a workflow command of GitHub Actions, which shows it beside the line in a pull request.
func (f Finding) GitHub() string {
	level := "error"
	if f.Severity == Warning {
		level = "warning"
	}
	place := fmt.Sprintf("file=%s,line=%d", property(f.File), f.Line)
	if f.Column > 0 {
		place += fmt.Sprintf(",col=%d", f.Column)
	}
	message := f.Message
	if f.Mend != "" {
		message += "\n" + f.Mend
	}
	return fmt.Sprintf("::%s %s,title=%s::%s", level, place, property("gostore "+f.Rule), data(message))
}

// dataEscapes are those of a workflow command's message, propertyEscapes those of what stands between its name and the message.
var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func data(s string) string     { return dataEscapes.Replace(s) }
func property(s string) string { return propertyEscapes.Replace(s) }

// oneLine keeps a name with line feeds in it from looking like two findings, and what a terminal obeys or reorders by from looking like another one.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return '�'
		}
		return r
	}, s)
}
