package report

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// beginning is the line before a section that is written by the benchmark; end is the one after it.
var beginning = regexp.MustCompile(`^<!-- measured: ([a-z0-9-]+) -->$`)

const end = "<!-- end -->"

// Rewrite returns a document with new texts for the sections of the given names. A section stands between the lines
//
//	<!-- measured: NAME -->
//	<!-- end -->
//
// Everything else stays byte for byte, also sections that are not named. A name without a section is an error, and so is a section
// without an end: nothing may be lost because of a slip of the pen.
func Rewrite(document string, sections map[string]string) (string, error) {
	var b strings.Builder
	left := maps.Clone(sections)
	inside, replaced := "", false
	number := 0
	for line := range strings.Lines(document) {
		number++
		trimmed := strings.TrimRight(line, "\r\n")
		m := beginning.FindStringSubmatch(trimmed)
		switch {
		case m != nil && inside != "":
			return "", fmt.Errorf("line %d: section %q begins inside of %q, which has no %q", number, m[1], inside, end)
		case m != nil:
			inside = m[1]
			text, ok := left[inside]
			b.WriteString(line)
			if replaced = ok; ok {
				delete(left, inside)
				b.WriteString("\n" + strings.TrimSpace(text) + "\n\n")
			}
		case trimmed == end && inside != "":
			inside, replaced = "", false
			b.WriteString(line)
		case !replaced:
			b.WriteString(line)
		}
	}
	if inside != "" {
		return "", fmt.Errorf("section %q has no %q", inside, end)
	}
	if len(left) > 0 {
		return "", fmt.Errorf("no place for the section %q: it needs the lines <!-- measured: %[1]s --> and %s", slices.Sorted(maps.Keys(left))[0], end)
	}
	return b.String(), nil
}
