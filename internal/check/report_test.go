package check

import (
	"encoding/json"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var odd = Finding{Rule: RuleVendor, Severity: Error, File: "ven dor/a,b:c%\n.go", Line: 3, Column: 7, Message: "was: changed, 100%\nby\rsomebody", Mend: "go mod vendor"}

func TestText(t *testing.T) {
	for want, f := range map[string]Finding{
		"go.mod:5: no [lock]":   {Rule: RuleLock, File: "go.mod", Line: 5, Message: "no"},
		"go.mod:5:2: no [lock]": {Rule: RuleLock, File: "go.mod", Line: 5, Column: 2, Message: "no"},
		"ven dor/a,b:c%�.go:3:7: was: changed, 100%�by�somebody [vendor]": odd,
	} {
		if got := f.Text(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestGitHub(t *testing.T) {
	want := "::error file=ven dor/a%2Cb%3Ac%25%0A.go,line=3,col=7,title=gostore vendor::was: changed, 100%25%0Aby%0Dsomebody%0Ago mod vendor"
	if got := odd.GitHub(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	plain := Finding{Rule: RuleModules, Severity: Warning, File: "go.mod", Line: 1, Message: "m"}
	if got := plain.GitHub(); got != "::warning file=go.mod,line=1,title=gostore modules::m" {
		t.Errorf("%q", got)
	}
}

// What the specification (OASIS, SARIF 2.1.0, section 3) and the forges that read it need is there, as the JSON that is written.
func TestSARIF(t *testing.T) {
	elsewhere := Finding{Rule: RuleCross, Severity: Warning, File: "/etc/go%/go.env", Line: 1, Message: "m"}
	colon := Finding{Rule: RuleLock, Severity: Error, File: "a:b/go.mod", Line: 1, Message: "m"}
	text, err := json.Marshal(ToSARIF([]Finding{odd, elsewhere, colon}, "1.0"))
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name, Version string
					Rules         []struct {
						ID               string
						ShortDescription struct{ Text string }
					}
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex *int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI, URIBaseID string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(text, &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.HasPrefix(log.Schema, "https://") || !strings.HasSuffix(log.Schema, "sarif-2.1.0.json") || len(log.Runs) != 1 {
		t.Fatalf("%s", text)
	}
	run := log.Runs[0]
	if run.Tool.Driver.Name != "gostore" || run.Tool.Driver.Version != "1.0" || len(run.Tool.Driver.Rules) != len(Rules) || len(run.Results) != 3 {
		t.Fatalf("%s", text)
	}
	for i, r := range run.Results {
		rule := run.Tool.Driver.Rules[*r.RuleIndex]
		if rule.ID != r.RuleID || rule.ShortDescription.Text == "" || !slices.Contains([]string{"error", "warning", "note", "none"}, r.Level) || r.Message.Text == "" || len(r.Locations) != 1 {
			t.Errorf("%+v", r)
		}
		at := r.Locations[0].PhysicalLocation
		u, err := url.Parse(at.ArtifactLocation.URI)
		if err != nil || at.Region.StartLine < 1 {
			t.Fatalf("%+v: %v", at, err)
		}
		relative := !u.IsAbs() && !path.IsAbs(u.Path)
		if want := []string{"ven dor/a,b:c%\n.go", "/etc/go%/go.env", "a:b/go.mod"}[i]; path.Clean(u.Path) != want || relative != (i != 1) || relative != (at.ArtifactLocation.URIBaseID == "%SRCROOT%") {
			t.Errorf("%q is %q of %q", want, u.Path, at.ArtifactLocation.URIBaseID)
		}
	}
	if got := run.Results[0]; got.Message.Text != "was: changed, 100%\nby\rsomebody. To mend it: go mod vendor" || got.Locations[0].PhysicalLocation.Region.StartColumn != 7 {
		t.Errorf("%+v", got)
	}
	// Without findings there are still lists, none of them null.
	if text, err := json.Marshal(ToSARIF(nil, "1.0")); err != nil || strings.Contains(string(text), "null") || !strings.Contains(string(text), `"results":[]`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestRules(t *testing.T) {
	for i, r := range Rules {
		if !regexp.MustCompile(`^[a-z][a-z-]*$`).MatchString(r.Name) || r.Does == "" || strings.HasSuffix(r.Does, ".") {
			t.Errorf("%+v", r)
		}
		if slices.IndexFunc(Rules, func(o Rule) bool { return o.Name == r.Name }) != i {
			t.Errorf("%s is there twice", r.Name)
		}
	}
}

func TestMerge(t *testing.T) {
	a := Finding{Rule: RuleLock, Class: Outdated, File: "/p/go.mod", Line: 3, Message: "a"}
	b := Finding{Rule: RuleGoLine, Class: Outdated, File: "/p/go.mod", Line: 3, Message: "b"}
	c := Finding{Rule: RuleGoLine, Class: Outdated, File: "/p/go.mod", Line: 1, Message: "c"}
	d := Finding{Rule: RuleVendor, Class: Broken, File: "/p/go.mod", Line: 3, Message: "d"}
	e := Finding{Rule: RuleLock, Class: Outdated, File: "/p/go.mod", Line: 3, Message: "e"}
	got := ""
	for _, f := range Merge([]Finding{d, b, a, c, e}) {
		got += f.Message
	}
	if got != "caed" {
		t.Errorf("%s", got)
	}
	for want, found := range map[Class][]Finding{Outdated: {a, b}, Broken: {a, d}, Integrity: {a, {Class: Integrity}, d}} {
		if got := Worst(found); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestRelative(t *testing.T) {
	all := Relative([]Finding{{File: "/p/a/go.mod"}, {File: "/q/go.mod"}}, "/p", false)
	if all[0].File != "a/go.mod" || all[1].File != "/q/go.mod" {
		t.Errorf("%+v", all)
	}
}
