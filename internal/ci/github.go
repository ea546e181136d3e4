package ci

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"

	"gostore/internal/release"
)

// The variables that name the files through which a step of GitHub Actions speaks to those after it.
const (
	GitHubEnv  = "GITHUB_ENV"
	GitHubPath = "GITHUB_PATH"
)

// Variable is a variable for later steps. GitHub Actions cannot take one away: the empty value is the nearest to it.
type Variable struct{ Name, Value string }

// AppendVariables adds variables to the file that GITHUB_ENV names, which is made if it is not there. Nothing is written when one of them
// cannot be: an error names it.
func AppendVariables(path string, list []Variable) error {
	text, err := FormatVariables(list)
	if err != nil {
		return err
	}
	return appendTo(path, text)
}

// FormatVariables returns the text that the file of GITHUB_ENV has for variables. A value of several lines stands between lines of a
// random word, so that no value can set another variable.
func FormatVariables(list []Variable) (string, error) {
	var b strings.Builder
	for _, v := range list {
		switch {
		case !release.IsVariable(v.Name):
			return "", fmt.Errorf("variable %q: GitHub Actions takes letters, digits and \"_\" only", v.Name)
		case strings.HasPrefix(v.Name, "GITHUB_"), strings.HasPrefix(v.Name, "RUNNER_"), v.Name == "NODE_OPTIONS":
			return "", fmt.Errorf("variable %q: GitHub Actions lets no step set it", v.Name)
		case strings.ContainsRune(v.Value, 0):
			return "", fmt.Errorf("variable %q: its value holds a zero byte", v.Name)
		case strings.ContainsAny(v.Value, "\r\n"):
			word := "gostore_" + rand.Text()
			fmt.Fprintf(&b, "%s<<%s\n%s\n%s\n", v.Name, word, v.Value, word)
		default:
			fmt.Fprintf(&b, "%s=%s\n", v.Name, v.Value)
		}
	}
	return b.String(), nil
}

// AppendPath adds directories to the file that GITHUB_PATH names. Later steps find the last one first.
func AppendPath(path string, dirs ...string) error {
	for _, dir := range dirs {
		if strings.ContainsAny(dir, "\r\n\x00") {
			return fmt.Errorf("directory %q: a line of GITHUB_PATH cannot hold it", dir)
		}
	}
	return appendTo(path, strings.Join(dirs, "\n")+"\n")
}

// appendTo adds lines to a file that others write to as well: open(O_APPEND), one write. A last line of somebody else's that was not ended
// is ended first.
func appendTo(path, text string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	last := []byte{'\n'}
	if fi.Mode().IsRegular() && fi.Size() > 0 {
		if _, err := f.ReadAt(last, fi.Size()-1); err != nil {
			return err
		}
	}
	if last[0] != '\n' {
		text = "\n" + text
	}
	_, err = f.WriteString(text)
	return err
}
