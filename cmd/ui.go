package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// ui owns the rules of output; no other file writes to a stream.
//
//   - stdout carries the answer and nothing else, so that it can be piped;
//   - stderr carries progress, remarks ("gostore: …"), errors and hints;
//   - -q silences remarks and progress, never errors and answers; -v adds details;
//   - what could disturb a terminal is escaped in remarks, errors, hints and tables: names and messages in them may be a stranger's;
//   - colour only on stderr: when it is a terminal that is not "dumb" and NO_COLOR is empty,
//     or when CLICOLOR_FORCE asks for it.
type ui struct {
	stdout, stderr io.Writer
	quiet, verbose bool
	terminal       bool // stderr is a terminal that understands cursor movements
	colour         bool
	log            *jobLog // of continuous integration, nil elsewhere

	mu       sync.Mutex // guards stderr and writeErr
	writeErr error      // the first failure to write an answer
}

func newUI(cfg Config) *ui {
	u := &ui{stdout: cfg.Stdout, stderr: cfg.Stderr}
	u.terminal = isTerminal(cfg.Stderr) && cfg.getenv("TERM") != "dumb"
	force := cfg.getenv("CLICOLOR_FORCE")
	switch {
	case cfg.getenv("NO_COLOR") != "":
	case force != "" && force != "0":
		u.colour = true
	default:
		u.colour = u.terminal
	}
	return u
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// answer prints a line of the answer.
func (u *ui) answer(format string, args ...any) {
	u.write(fmt.Sprintf(format, args...) + "\n")
}

// answerJSON prints the answer as one indented JSON value.
func (u *ui) answerJSON(v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	u.write(string(data) + "\n")
	return nil
}

// table prints rows of equal length as columns, those whose numbers are in right with their ends below each
// other. A column in which nothing stands is left out.
func (u *ui) table(rows [][]string, right ...int) {
	widths := map[int]int{}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(visible(cell)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if widths[i] == 0 {
				continue
			}
			cell = visible(cell)
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if slices.Contains(right, i) {
				line.WriteString(space + cell + "  ")
			} else {
				line.WriteString(cell + space + "  ")
			}
		}
		u.answer("%s", strings.TrimRight(line.String(), " "))
	}
}

func (u *ui) write(s string) {
	_, err := io.WriteString(u.stdout, s)
	u.mu.Lock()
	defer u.mu.Unlock()
	if err != nil && u.writeErr == nil {
		u.writeErr = fmt.Errorf("writing the answer: %w", err)
	}
}

// failed returns the first failure to write an answer: a full disk behind a redirection must
// not look like success.
func (u *ui) failed() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.writeErr
}

// note prints a remark that -q silences.
func (u *ui) note(format string, args ...any) {
	if !u.quiet {
		u.message("", "", format, args...)
	}
}

// detail prints a remark that only -v shows.
func (u *ui) detail(format string, args ...any) {
	if u.verbose {
		u.message("", "", format, args...)
	}
}

// hint prints what to do next.
func (u *ui) hint(format string, args ...any) { u.message("hint: ", "\x1b[36m", format, args...) }

// suggest is hint for what went well: -q silences it.
func (u *ui) suggest(format string, args ...any) {
	if !u.quiet {
		u.hint(format, args...)
	}
}

// warn prints what went wrong without stopping the command.
func (u *ui) warn(format string, args ...any) { u.message("warning: ", "\x1b[33m", format, args...) }

// fail prints an error, each of several joined ones on a line of its own, then their hints.
func (u *ui) fail(err error) {
	for _, e := range flatten(err) {
		u.message("error: ", "\x1b[1;31m", "%s", strings.ReplaceAll(e.Error(), "\n", "\n  "))
	}
	for _, h := range hints(err) {
		u.hint("%s", h)
	}
	u.log.markErrors(u, err)
}

// quote prints another program's output, as part of an error, so that it is told from gostore's own.
func (u *ui) quote(text string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for line := range strings.Lines(text) {
		fmt.Fprintf(u.stderr, "  | %s\n", strings.TrimSuffix(line, "\n")) // best effort: nowhere to report it
	}
}

// rewind moves a terminal's cursor to the beginning of its line.
func (u *ui) rewind() {
	u.mu.Lock()
	defer u.mu.Unlock()
	io.WriteString(u.stderr, "\r") // best effort: it is for the looks only
}

func (u *ui) message(label, colour, format string, args ...any) {
	if u.colour && label != "" {
		label = colour + label + "\x1b[0m"
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	fmt.Fprintf(u.stderr, "%sgostore: %s%s\n", u.log.stamp(), label, visible(fmt.Sprintf(format, args...))) // best effort: nowhere to report it
}

// visible returns text with escapes in place of what a terminal obeys, reorders by or cannot show. Line feeds and tabs stay.
func visible(text string) string {
	hidden := func(r rune) bool { return r == utf8.RuneError || !unicode.IsGraphic(r) && r != '\n' && r != '\t' }
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		if hidden(r) {
			b.WriteString(strings.Trim(strconv.Quote(text[:n]), `"`))
		} else {
			b.WriteString(text[:n])
		}
		text = text[n:]
	}
	return b.String()
}

// flatten returns the errors that were joined into err, or err alone.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || !isPlainJoin(err, joined.Unwrap()) {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// isPlainJoin reports whether err adds no words of its own to its parts.
func isPlainJoin(err error, parts []error) bool {
	return len(parts) > 0 && err.Error() == errors.Join(parts...).Error()
}

// size formats a number of bytes for people.
func size(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1024, 0
	for v >= 999.95 && unit < len(units)-1 {
		v /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", v, units[unit])
}

// count formats a number with its noun: "1 object", "2 objects".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
