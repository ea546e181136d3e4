package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	goversion "go/version"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gostore/internal/command"
	"gostore/internal/environment"
	"gostore/internal/goenv"
	"gostore/internal/variables"
)

// explainVariables tells who says what about variables.
func (a *app) explainVariables(ctx context.Context, s settled, o envOptions) error {
	in, err := a.cfg.explanation(s)
	if err != nil {
		return err
	}
	if path := s.locked(goTool); path != "" {
		a.askLocked(ctx, path, s, &in)
	}
	chosen := o.choose(variables.Explain(in))
	if o.json {
		return a.ui.answerJSON(explanationJSON(s.env, chosen))
	}
	for _, v := range chosen {
		a.tellVariable(v)
	}
	a.tellFights(chosen)
	return nil
}

// explanation collects what has a say, apart from what the locked Go answers.
func (c Config) explanation(s settled) (variables.Input, error) {
	in := variables.Input{Said: s.Said, Tools: s.env.Tools, Applied: s.Environ, Inherits: c.Environ}
	// What is covered must be told too, so this is the file that counts without a cover.
	open := slices.DeleteFunc(slices.Clone(s.Said), func(said variables.Said) bool {
		return said.Name == "GOENV" && said.Layer == variables.Tools
	})
	var err error
	if !s.readsGoEnv() {
		return in, nil
	}
	in.GoEnv, err = c.readGoEnv(goenv.Path(runtime.GOOS, Config{Environ: s.env.Apply(s.dir, c.Environ, variables.Settings(open)...)}.getenv))
	if err != nil {
		return in, fmt.Errorf("reading the go env file: %w", err)
	}
	if path := s.locked(goTool); path != "" {
		in.ToolchainEnv, err = c.readGoEnv(filepath.Join(filepath.Dir(filepath.Dir(path)), "go.env"))
	}
	return in, err
}

// readsGoEnv reports whether the environment's Go, if it has one, knows go env files: since 1.13.
func (s settled) readsGoEnv() bool {
	i := s.goTool()
	return i < 0 || goversion.Compare("go"+s.env.Tools[i].Version, "go1.13") >= 0
}

// goTool returns which tool of the environment is its primary Go, -1 where none is.
func (s settled) goTool() int {
	return slices.IndexFunc(s.env.Tools, func(t environment.Tool) bool { return t.Name == goTool && !t.Extra })
}

// locked returns the program behind a command of the environment, "" where it has none.
func (s settled) locked(command string) string {
	if s.goTool() < 0 {
		return ""
	}
	path, err := filepath.EvalSymlinks(filepath.Join(s.dir, "bin", command))
	if err != nil {
		return ""
	}
	return path
}

// askLocked lets the locked Go say what its variables are by default, and in the environment. One that does not answer leaves the
// explanation without them.
func (a *app) askLocked(ctx context.Context, path string, s settled, in *variables.Input) {
	bare := []string{"GOENV=off", "GOTOOLCHAIN=local"}
	for _, kv := range s.Environ {
		name, _, _ := strings.Cut(kv, "=")
		if slices.Contains([]string{"HOME", "PATH", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"}, name) {
			bare = append(bare, kv)
		}
	}
	var err error
	if in.Defaults, err = goEnv(ctx, path, bare); err == nil {
		in.Effective, err = goEnv(ctx, path, s.Environ)
	}
	delete(in.Defaults, "GOTOOLCHAIN") // which was set to have an answer of this Go itself
	if err != nil {
		a.ui.warn("what Go does by default is not known: %v", err)
	}
}

// goEnv asks a go command for its variables, away from any project.
func goEnv(ctx context.Context, path string, environ []string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second) // it answers in 0.02 s
	defer cancel()
	out, _, err := command.Run(ctx, command.Program{Argv: []string{path, "env", "-json"}, Dir: "/", Environ: environ})
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	if err := json.Unmarshal(out, &values); err != nil {
		return nil, fmt.Errorf("reading what %q says: %w", path+" env -json", err)
	}
	for _, name := range []string{"GOMOD", "GOWORK"} { // where it was run, which is no setting
		delete(values, name)
	}
	return values, nil
}

// choose returns the variables that are asked for; one of which nobody speaks is not set.
func (o envOptions) choose(all []variables.Variable) []variables.Variable {
	if len(o.named) == 0 {
		own := []string{environment.VarShell, environment.VarTools, environment.VarEnvironment} // which tell nothing new
		return slices.DeleteFunc(all, func(v variables.Variable) bool {
			return !o.all && (!v.Interesting() || slices.Contains(own, v.Name))
		})
	}
	var chosen []variables.Variable
	for _, name := range o.named {
		v := variables.Variable{Name: name}
		if i := slices.IndexFunc(all, func(v variables.Variable) bool { return v.Name == name }); i >= 0 {
			v = all[i]
		}
		chosen = append(chosen, v)
	}
	return chosen
}

func (a *app) tellVariable(v variables.Variable) {
	if v.Set {
		a.ui.answer("%s=%s", v.Name, plain(v.Value))
	} else {
		a.ui.answer("%s is not set", v.Name)
	}
	var rows [][]string
	for _, e := range v.Entries {
		value := plain(e.Value)
		switch {
		case e.Unset:
			value = "not set"
		case value == "":
			value = `""`
		}
		if e.Place != "" { // not a column: one long path would push all values away
			value = a.shortPlace(e.Place) + "  " + value
		}
		rows = append(rows, []string{"  " + string(e.State), e.Layer.String(), value})
	}
	a.ui.table(rows)
}

// tellFights says how to be rid of what fights with the lock.
func (a *app) tellFights(chosen []variables.Variable) {
	for _, v := range chosen {
		for _, e := range v.Entries {
			if e.Fight == "" {
				continue
			}
			effect := "it does not count here"
			if e.State == variables.Wins {
				effect = "it counts here"
			}
			a.ui.warn("%s: %s=%s fights with what a project locks: %s; %s", a.shortPlace(e.Place), v.Name, plain(e.Value), e.Fight, effect)
			a.ui.hint("outside of the environment: go env -u %s, or delete the line", v.Name)
		}
	}
}

// shortPlace shortens FILE:LINE.
func (a *app) shortPlace(place string) string {
	if filepath.IsAbs(place) {
		return a.short(place)
	}
	return place
}

// variableJSON is a variable in the answer of env --explain --json.
type variableJSON struct {
	Name   string      `json:"name"`
	Set    bool        `json:"set"`
	Value  string      `json:"value"`
	Layers []layerJSON `json:"layers"` // the highest first
}

// layerJSON is what one layer says.
type layerJSON struct {
	Layer  string `json:"layer"`
	Place  string `json:"place,omitempty"`
	State  string `json:"state"` // wins, shadowed, removes, empty, ignored
	Unset  bool   `json:"unset,omitempty"`
	Value  string `json:"value"`
	Fights string `json:"fights,omitempty"` // with the lock, and why
}

func explanationJSON(env environment.Environment, chosen []variables.Variable) any {
	list := []variableJSON{}
	for _, v := range chosen {
		j := variableJSON{v.Name, v.Set, v.Value, []layerJSON{}}
		for _, e := range v.Entries {
			j.Layers = append(j.Layers, layerJSON{e.Layer.String(), e.Place, string(e.State), e.Unset, e.Value, e.Fight})
		}
		list = append(list, j)
	}
	return map[string]any{"environment": env.String(), "variables": list}
}
