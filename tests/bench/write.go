package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"gostore/tests/bench/figures"
	"gostore/tests/bench/report"
)

// print writes all tables to w.
func print(w io.Writer, file figures.File) error {
	_, err := io.WriteString(w, report.Machine(file.Machine)+"\n"+report.Targets(file.Tables))
	for _, t := range file.Tables {
		_, printed := io.WriteString(w, "\n"+report.Table(t, t.Name+".svg"))
		err = errors.Join(err, printed)
	}
	return err
}

// rewrite adds measured to what is known beside a document, and writes the document's sections and plots from all of it.
func rewrite(document string, measured figures.File) error {
	dir := strings.TrimSuffix(document, filepath.Ext(document))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	runs := filepath.Join(dir, "runs.json")
	known, err := read(runs)
	if err != nil {
		return err
	}
	file := known.Put(measured.Tables...)
	if len(measured.Machine) > 0 {
		file.Machine = measured.Machine
	}
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	changed, err := report.Rewrite(string(text), sections(file, filepath.Base(dir)))
	if err != nil {
		return fmt.Errorf("%s: %w", document, err)
	}
	if err := os.WriteFile(runs, encode(file), 0o644); err != nil { // first: all else can be made from it again
		return err
	}
	for _, t := range file.Tables {
		if err := os.WriteFile(filepath.Join(dir, t.Name+".svg"), []byte(report.Plot(t)), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(document, []byte(changed), 0o644)
}

// writable says whether a document has a place for each section: after minutes of measuring would be the wrong time to find out.
func writable(document string) error {
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	if _, err := report.Rewrite(string(text), sections(figures.File{}, "")); err != nil {
		return fmt.Errorf("%s: %w", document, err)
	}
	return nil
}

// sections are the parts of a document that are made from what was measured. Its plots are in a directory beside it.
func sections(file figures.File, plots string) map[string]string {
	if len(file.Tables) == 0 {
		const none = "Not measured yet."
		return map[string]string{"machine": none, "targets": none, "tables": none}
	}
	var tables strings.Builder
	for _, t := range file.Tables {
		tables.WriteString(report.Table(t, path.Join(plots, t.Name+".svg")) + "\n")
	}
	return map[string]string{"machine": report.Machine(file.Machine), "targets": report.Targets(file.Tables), "tables": tables.String()}
}

func read(name string) (file figures.File, err error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return file, nil
	}
	if err != nil {
		return file, err
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return file, fmt.Errorf("%s: %w", name, err)
	}
	return file, nil
}

// encode formats a file with a line for each fact and each table, so that a diff shows which changed.
func encode(file figures.File) []byte {
	var b strings.Builder
	line := func(indent string, v any, last bool) {
		data, err := json.Marshal(v)
		if err != nil {
			panic(err) // of strings and finite numbers only
		}
		b.WriteString(indent + string(data) + map[bool]string{true: "\n", false: ",\n"}[last])
	}
	b.WriteString("{\"machine\": [\n")
	for i, f := range file.Machine {
		line("  ", f, i == len(file.Machine)-1)
	}
	b.WriteString("], \"tables\": [\n")
	for i, t := range file.Tables {
		line("  ", t, i == len(file.Tables)-1)
	}
	b.WriteString("]}\n")
	return []byte(b.String())
}
