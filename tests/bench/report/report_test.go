package report

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gostore/tests/bench/figures"
)

var update = flag.Bool("update", false, "write the golden files")

// sample is a table with everything that a table can have.
func sample() figures.Table {
	return figures.Table{
		Name: "zip", Title: "Install <one> & another", Place: "ext4", Unit: "ms", Note: "A note.", Skipped: []string{"mise, which is not on this machine"},
		Arms: []figures.Arm{
			{Name: "gostore install", Ours: true, Runs: []float64{900, 1000, 1300}, CPU: 1500, Peak: 72},
			{Name: "cmd/go", Runs: []float64{3000, 2500, 2600}, CPU: 2700},
			{Name: "unzip | sync, with a name that is so long that it runs out of the picture", Runs: []float64{1200, 1250, 1300}},
			{Name: "once", Runs: []float64{0.0123}},
		},
		Targets: []figures.Target{
			{What: "against cmd/go", Of: "gostore install", To: "cmd/go", AtMost: 0.4},
			{What: "against unzip", Of: "gostore install", To: "unzip | sync, with a name that is so long that it runs out of the picture", AtMost: 0.6},
			{What: "against mise", Of: "gostore install", To: "mise", AtMost: 0.5},
			{What: "memory", Of: "gostore install", Peak: true, AtMost: 300},
			{What: "time", Of: "gostore install", AtMost: 2000},
		},
	}
}

func TestGolden(t *testing.T) {
	for name, got := range map[string]string{
		"table.md":   Table(sample(), "performance/zip.svg"),
		"targets.md": Targets([]figures.Table{sample()}),
		"machine.md": Machine([]figures.Fact{{Name: "kernel", Value: "Linux | 6"}, {Name: "memory", Value: "24 GiB"}}),
		"plot.svg":   Plot(sample()),
	} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs; look at what changed, then go test ./tests/bench/report -update\n%s", path, got)
		}
	}
}

func TestPlotIsXML(t *testing.T) {
	tables := []figures.Table{sample(), {Title: "nothing", Arms: []figures.Arm{{Name: "took no time", Runs: []float64{0, 0}}}}}
	for _, table := range tables {
		d := xml.NewDecoder(strings.NewReader(Plot(table)))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", table.Title, err, Plot(table))
			}
		}
		if strings.Contains(Plot(table), "NaN") || strings.Contains(Plot(table), "Inf") {
			t.Errorf("%s: a measure is not a number\n%s", table.Title, Plot(table))
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.01234: "0.012", 0.5: "0.500", 1.2345: "1.23", 12.345: "12.3", 123.45: "123", 12345.6: "12346"} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0.0031: "0.003", 0.4: "0.40", 12: "12.00"} {
		if got := Ratio(v); got != want {
			t.Errorf("Ratio(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestAnchor(t *testing.T) {
	if got, want := anchor("Install from a tar.gz, on tmpfs"), "install-from-a-targz-on-tmpfs"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

const document = `# Title
by hand

<!-- measured: machine -->
old
<!-- end -->

between
<!-- measured: tables -->
<!-- end -->
the end without a line break`

func TestRewrite(t *testing.T) {
	got, err := Rewrite(document, map[string]string{"machine": "new\n"})
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(document, "old\n", "\nnew\n\n", 1); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	again, err := Rewrite(got, map[string]string{"machine": "new\n"})
	if err != nil || again != got {
		t.Errorf("writing the same again: %v\n%s", err, again)
	}
}

func TestRewriteRefuses(t *testing.T) {
	for want, test := range map[string]struct{ document, section string }{
		`no place for the section "other"`: {document, "other"},
		`section "tables" has no`:          {strings.Replace(document, "<!-- end -->\nthe end", "", 1), "tables"},
		`begins inside of "machine"`:       {strings.Replace(document, "<!-- end -->\n", "", 1), "machine"},
	} {
		got, err := Rewrite(test.document, map[string]string{test.section: "text"})
		if err == nil || !strings.Contains(err.Error(), want) || got != "" {
			t.Errorf("got %q and the error %v, want none and an error with %q", got, err, want)
		}
	}
}
