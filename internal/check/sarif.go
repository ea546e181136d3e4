package check

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"gostore/lock"
)

// The version of SARIF that is written, and where its schema is.
const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://json.schemastore.org/sarif-2.1.0.json"
)

// SARIF is a log in the Static Analysis Results Interchange Format (OASIS, version 2.1.0), as far as gostore has something to
// say in it.
type SARIF struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []SARIFRun `json:"runs"`
}

// SARIFRun is one run of the tool. Files are relative to a root that the reader knows, usually the repository's.
type SARIFRun struct {
	Tool    sarifTool     `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID    string    `json:"id"`
	Short sarifText `json:"shortDescription"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical sarifPhysical `json:"physicalLocation"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI    string `json:"uri"`
	BaseID string `json:"uriBaseId,omitempty"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

// ToSARIF returns findings as a log of the version of gostore that found them. It lists all rules, so that a reader knows what was looked for.
func ToSARIF(findings []Finding, version string) SARIF {
	driver := sarifDriver{Name: "gostore", Version: version, Rules: []sarifRule{}}
	for _, r := range Rules {
		driver.Rules = append(driver.Rules, sarifRule{r.Name, sarifText{sentence(r.Does)}})
	}
	results := []sarifResult{}
	for _, f := range findings {
		text := f.Message
		if f.Mend != "" {
			text += ". To mend it: " + f.Mend
		}
		results = append(results, sarifResult{
			RuleID: f.Rule, RuleIndex: slices.IndexFunc(Rules, func(r Rule) bool { return r.Name == f.Rule }),
			Level: string(f.Severity), Message: sarifText{text},
			Locations: []sarifLocation{{sarifPhysical{artifact(f.File), sarifRegion{f.Line, f.Column}}}},
		})
	}
	return SARIF{sarifSchema, sarifVersion, []SARIFRun{{sarifTool{driver}, results}}}
}

// sentence makes one of what a rule does. The name of a file is written as it is.
func sentence(does string) string {
	if strings.HasPrefix(does, lock.Name) {
		return does + "."
	}
	return strings.ToUpper(does[:1]) + does[1:] + "."
}

// artifact names a file: relative to the root of the sources, or with file: where it is elsewhere.
func artifact(file string) sarifArtifact {
	if filepath.IsAbs(file) {
		return sarifArtifact{URI: (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String()}
	}
	return sarifArtifact{URI: (&url.URL{Path: file}).String(), BaseID: "%SRCROOT%"}
}
