// Package ci knows what continuous integration systems read in a job's log and in the files that they give to a job: how a part of
// the log is folded, how an error is marked, how later steps get variables.
//
// It makes texts, and appends to the files that a system names. It does not print and does not decide what is worth
// folding.
package ci

import (
	"fmt"
	"strings"
	"time"
)

// System is a continuous integration system; the zero value is one that is not known, or none.
type System struct {
	Name string                                  // for people, "" for the zero value
	open func(title string, at time.Time) string // the line that begins a fold
	shut func(title string, at time.Time) string // the line that ends it, "" where the next fold does
	mark func(message string) string             // the line that marks an error, nil where there is none
}

// Detect returns the system that runs this process, by the variables that it sets.
func Detect(getenv func(string) string) System {
	for _, s := range systems {
		if s.is(getenv) {
			return s.System
		}
	}
	return System{}
}

// systems are those that are known, with how each is told.
var systems = []struct {
	System
	is func(getenv func(string) string) bool
}{
	{System{"GitHub Actions", githubOpen, githubShut, githubMark}, says("GITHUB_ACTIONS", "true")},
	{System{"GitLab CI", gitlabOpen, gitlabShut, nil}, says("GITLAB_CI", "true")},
	{System{"Azure Pipelines", azureOpen, azureShut, azureMark}, says("TF_BUILD", "True")},
	{System{"Buildkite", buildkiteOpen, buildkiteShut, nil}, says("BUILDKITE", "true")},
	{System{"TeamCity", teamcityOpen, teamcityShut, teamcityMark}, says("TEAMCITY_VERSION", "")},
}

// says reports whether a variable has a value, or any where value is "".
func says(name, value string) func(func(string) string) bool {
	return func(getenv func(string) string) bool {
		got := getenv(name)
		return got != "" && (value == "" || strings.EqualFold(got, value))
	}
}

// Open returns the line that begins a fold, without its line feed. For a system that is not known it is the title.
func (s System) Open(title string, at time.Time) string {
	if s.open == nil {
		return title
	}
	return s.open(title, at)
}

// Close returns the line that ends the fold of that title, "" where no line is needed.
func (s System) Close(title string, at time.Time) string {
	if s.shut == nil {
		return ""
	}
	return s.shut(title, at)
}

// Mark returns the line that makes an error stand out beyond the log, "" where the system has none.
func (s System) Mark(message string) string {
	if s.mark == nil {
		return ""
	}
	return s.mark(message)
}

// Stamps reports whether the system says itself when a line was printed.
func (s System) Stamps() bool { return s.Name != "" }

func githubOpen(title string, _ time.Time) string { return "::group::" + githubText.Replace(title) }
func githubShut(string, time.Time) string         { return "::endgroup::" }
func githubMark(message string) string {
	return "::error title=gostore::" + githubText.Replace(message)
}

// githubText escapes what would end a workflow command's text.
var githubText = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")

func gitlabOpen(title string, at time.Time) string {
	return fmt.Sprintf("\x1b[0Ksection_start:%d:%s[collapsed=true]\r\x1b[0K%s", at.Unix(), word(title), oneLine(title))
}

func gitlabShut(title string, at time.Time) string {
	return fmt.Sprintf("\x1b[0Ksection_end:%d:%s\r\x1b[0K", at.Unix(), word(title))
}

func azureOpen(title string, _ time.Time) string { return "##[group]" + oneLine(title) }
func azureShut(string, time.Time) string         { return "##[endgroup]" }
func azureMark(message string) string {
	return "##vso[task.logissue type=error]" + azureText.Replace(message)
}

// azureText escapes as the agent expects it.
var azureText = strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A")

// A fold of Buildkite goes to the next one. That of what follows is open.
func buildkiteOpen(title string, _ time.Time) string { return "--- " + oneLine(title) }
func buildkiteShut(string, time.Time) string         { return "+++ gostore" }

func teamcityOpen(title string, _ time.Time) string {
	return "##teamcity[blockOpened name='" + teamcityText.Replace(title) + "']"
}

func teamcityShut(title string, _ time.Time) string {
	return "##teamcity[blockClosed name='" + teamcityText.Replace(title) + "']"
}

func teamcityMark(message string) string {
	return "##teamcity[message text='" + teamcityText.Replace(message) + "' status='ERROR']"
}

// teamcityText escapes what has a meaning in a service message.
var teamcityText = strings.NewReplacer("|", "||", "'", "|'", "\n", "|n", "\r", "|r", "[", "|[", "]", "|]")

// oneLine keeps a title from being several lines.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// word makes a name of a title: lower-case letters, digits and "_".
func word(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '_'
	}, title)
}
