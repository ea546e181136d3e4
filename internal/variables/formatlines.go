package variables

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	"gostore/internal/environment"
)

func jsonText(changes []environment.Setting) string {
	answer := struct {
		Set   map[string]string `json:"set"`
		Unset []string          `json:"unset"`
	}{map[string]string{}, []string{}}
	for _, c := range changes {
		if c.Unset {
			answer.Unset = append(answer.Unset, c.Name)
		} else {
			answer.Set[c.Name] = c.Value
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(answer); err != nil {
		panic(err) // strings always can be encoded
	}
	return b.String()
}

// nuLine uses nushell's double quotes, in which nothing but a backslash is special. Its PATH is a list.
func nuLine(c environment.Setting) string {
	switch {
	case c.Unset:
		return fmt.Sprintf("hide-env --ignore-errors %s\n", c.Name)
	case c.Name != "PATH":
		return fmt.Sprintf("$env.%s = %s\n", c.Name, quoteNu(c.Value))
	}
	var entries []string
	for entry := range strings.SplitSeq(c.Value, ":") {
		entries = append(entries, quoteNu(entry))
	}
	return fmt.Sprintf("$env.PATH = [%s]\n", strings.Join(entries, ", "))
}

func quoteNu(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// quotesPowershell are what PowerShell takes for a single quote: in a string each must be doubled.
var quotesPowershell = strings.NewReplacer("'", "''", "\u2018", "\u2018\u2018", "\u2019", "\u2019\u2019", "\u201a", "\u201a\u201a", "\u201b", "\u201b\u201b")

func powershellLine(c environment.Setting) string {
	if c.Unset {
		return fmt.Sprintf("Remove-Item -ErrorAction Ignore -LiteralPath Env:%s\n", c.Name)
	}
	return fmt.Sprintf("$Env:%s = '%s'\n", c.Name, quotesPowershell.Replace(c.Value))
}

// dotenvLine writes no quotes: docker would take them for a part of the value. What some libraries need quotes for is refused.
func dotenvLine(c environment.Setting) string { return c.Name + "=" + c.Value + "\n" }

// githubLine gives a value of several lines a delimiter that nobody can guess, so that a value cannot end itself and set more.
func githubLine(c environment.Setting) string {
	if !strings.Contains(c.Value, "\n") {
		return c.Name + "=" + c.Value + "\n"
	}
	end := "END_" + rand.Text()
	return fmt.Sprintf("%s<<%s\n%s\n%s\n", c.Name, end, c.Value, end)
}

// dockerLine escapes what is special between a Dockerfile's double quotes.
func dockerLine(c environment.Setting) string {
	return fmt.Sprintf("ENV %s=\"%s\"\n", c.Name, strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(c.Value))
}
