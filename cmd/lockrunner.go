package cmd

import "gostore/lock"

// suggestRunners says which locked tools cannot run as they are, since nothing that is locked runs their scripts. It is said when
// they are locked, and not only when somebody starts one.
func (a *app) suggestRunners(f *lock.File) {
	runs := map[string]bool{}
	for _, t := range f.Tools {
		runs[t.Name] = true
		for command := range t.Layout.Names {
			runs[command] = true
		}
	}
	for _, t := range f.Tools {
		if runner := t.Layout.Runner; runner != "" && !runs[runner] {
			runs[runner] = true // said once
			a.ui.suggest("%s is run by %s, which is not among the tools: gostore lock --add %s", t.Name, runner, runner)
		}
	}
}
