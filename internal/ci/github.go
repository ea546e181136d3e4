package ci

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// The variables that name the files through which a step of GitHub Actions speaks to those after it.
const (
	GitHubEnv  = "GITHUB_ENV"
	GitHubPath = "GITHUB_PATH"
)

// AppendVariables adds lines in the format of the file that GITHUB_ENV names, as package variables writes them, to that file, which is made
// if it is not there.
func AppendVariables(path, lines string) error { return appendTo(path, lines) }

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
