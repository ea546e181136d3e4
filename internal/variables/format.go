package variables

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"gostore/internal/environment"
	"gostore/internal/release"
)

// Formats are the names of the formats that Format writes:
//
//	sh           for eval in any POSIX shell, bash and zsh
//	fish         for eval in fish
//	nu           for source in nushell
//	powershell   for Invoke-Expression
//	json         an object: "set" has the values by name, "unset" the names that are not to be set
//	dotenv       NAME=VALUE lines that mean the same to docker's --env-file and to the libraries that read .env files
//	github       the file that GITHUB_ENV names in GitHub Actions
//	docker       ENV lines of a Dockerfile
var Formats = []string{"sh", "fish", "nu", "powershell", "json", "dotenv", "github", "docker"}

// InexpressibleError says that a format has no way to say something.
type InexpressibleError struct {
	Format, Name string
	Problem      string // what the format cannot say: "a line break", …
}

func (e *InexpressibleError) Error() string {
	return fmt.Sprintf("variable %s: the format %s cannot express %s", e.Name, e.Format, e.Problem)
}

// Format writes changes in one of Formats, whole or not at all: a value that cannot be expressed is an *InexpressibleError.
//
// Two formats cannot take a variable away: dotenv and docker refuse it. GitHub Actions cannot either; there it becomes an empty
// one, which programs commonly take for none.
func Format(w io.Writer, format string, changes []environment.Setting) error {
	for _, c := range changes {
		if err := expressible(format, c); err != nil {
			return err
		}
	}
	text := ""
	switch format {
	case "sh":
		text = environment.ScriptSh(changes)
	case "fish":
		text = environment.ScriptFish(changes)
	case "json":
		text = jsonText(changes)
	default:
		line := lineOf(format)
		if line == nil {
			return fmt.Errorf("no format %q", format)
		}
		for _, c := range changes {
			text += line(c)
		}
	}
	_, err := io.WriteString(w, text)
	return err
}

// lineOf writes one change in a format that has a line, or a few, for each; nil where there is no such format.
func lineOf(format string) func(environment.Setting) string {
	switch format {
	case "nu":
		return nuLine
	case "powershell":
		return powershellLine
	case "dotenv":
		return dotenvLine
	case "github":
		return githubLine
	case "docker":
		return dockerLine
	}
	return nil
}

// limit is what a format cannot have in values, beside what is no text, and whether it can take a variable away.
type limit struct {
	without  []unwanted
	bytes    bool // any bytes will do, not only UTF-8
	noUnset  bool
	reserved []string // names, or beginnings of names that end with "_"
}

type unwanted struct{ chars, name string }

func limitOf(format string) limit {
	switch format {
	case "sh", "fish":
		return limit{bytes: true}
	case "github":
		return limit{without: []unwanted{{"\r", "a carriage return"}}, reserved: []string{"GITHUB_", "RUNNER_", "NODE_OPTIONS"}}
	case "docker":
		return limit{without: []unwanted{{"\n\r", "a line break"}}, noUnset: true}
	case "dotenv":
		return limit{noUnset: true, without: []unwanted{{"\n\r", "a line break"}, {`"'` + "`", "a quotation mark"},
			{`\`, "a backslash"}, {"$", "a dollar sign"}, {"#", "a number sign"}}}
	}
	return limit{}
}

// expressible returns an *InexpressibleError for what a format cannot say.
func expressible(format string, c environment.Setting) error {
	limit := limitOf(format)
	problem := ""
	switch {
	case !release.IsVariable(c.Name):
		problem = "its name"
	case slices.ContainsFunc(limit.reserved, func(r string) bool {
		return c.Name == r || strings.HasSuffix(r, "_") && strings.HasPrefix(c.Name, r)
	}):
		problem = "a variable of this name: the runner keeps it for itself"
	case c.Unset && limit.noUnset:
		problem = "that a variable is not set"
	case c.Unset:
	case strings.ContainsRune(c.Value, 0):
		problem = "a zero byte"
	case !limit.bytes && !utf8.ValidString(c.Value):
		problem = "a value that is not UTF-8"
	case format == "dotenv" && c.Value != strings.TrimSpace(c.Value):
		problem = "space around the value"
	default:
		for _, u := range limit.without {
			if strings.ContainsAny(c.Value, u.chars) {
				problem = u.name
			}
		}
	}
	if problem == "" {
		return nil
	}
	return &InexpressibleError{format, c.Name, problem}
}
