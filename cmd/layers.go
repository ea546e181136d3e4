package cmd

import (
	"errors"
	"fmt"
	"path/filepath"

	"gostore/internal/digest"
	"gostore/internal/environment"
	"gostore/internal/guard"
	"gostore/internal/install"
	"gostore/internal/layers"
	"gostore/internal/release"
	"gostore/lock"
	"gostore/store"
)

// noteLayers says which layers could not be asked for what was installed.
func (a *app) noteLayers(jobs []install.Job, missing []int) {
	if len(missing) == 0 || len(jobs) == 0 {
		return
	}
	below, err := a.st.Layers()
	if err != nil {
		a.ui.warn("the layers are not known, so nothing was taken from them: %v", err)
	}
	refused := a.st.Refused()
	for _, l := range below {
		if l.Err != nil {
			refused = append(refused, l.Err)
		}
	}
	for _, err := range refused {
		a.ui.warn("not taken from a layer: %v", err)
		for _, tip := range hints(err) {
			a.ui.suggest("%s", tip)
		}
	}
}

// withheld returns why a layer has one of the tools and it cannot be used, nil where no layer has any such.
func (a *app) withheld(locked []lock.Tool, tools []environment.Tool) error {
	trees := []digest.Tree{}
	for _, t := range locked {
		trees = append(trees, lockedTree(a.st, t, release.Host()))
	}
	for _, t := range tools {
		trees = append(trees, t.Tree)
	}
	for _, t := range trees {
		_, err := a.st.Lookup(t)
		if broken := (*store.LayerError)(nil); errors.As(err, &broken) {
			return err
		}
	}
	return nil
}

// explainLayer is for what a store below the user's own has and cannot be used there.
func explainLayer(err error) (int, []string) {
	var variable *layers.VariableError
	if errors.As(err, &variable) {
		return exitUsage, []string{"docs/layers.md describes the variable"}
	}
	var e *store.LayerError
	if !errors.As(err, &e) {
		return exitOK, nil
	}
	code := exitFailed
	var tips []string
	switch e.Problem {
	case store.LayerStrange:
		code = exitIntegrity
		tips = []string{"nothing of it was executed; gostore makes no such link, so see who can write in your store"}
	case store.LayerGone:
		tips = []string{"if it is on a disk or server that is away, bring that back; if it moved, say where: GOSTORE_LAYERS=DIR:DIR"}
	case store.LayerUnreadable:
		tips = []string{fmt.Sprintf("who runs it can open it to all, for reading: chmod a+rx %[1]s %[1]s/store && chmod -R a+rX %[1]s/format %[1]s/meta %[1]s/index", e.Layer)}
	case store.LayerExposed:
		tips = mend(e.Err)
	case store.LayerUnlisted:
		tips = []string{"if it should be: GOSTORE_LAYERS=" + e.Layer + ", or layers = [" + fmt.Sprintf("%q", e.Layer) + "] in your configuration"}
	case store.LayerForeign:
		tips = []string{"let GOSTORE_LAYERS name the root of a store, in which there are \"format\" and \"store\""}
	case store.NewerFormat:
		return exitFailed, []string{"update gostore, or leave the layer out: GOSTORE_LAYERS=off"}
	case store.LayerLocked:
		tips = []string{"see who: fuser -v " + filepath.Join(e.Layer, "store", e.Object.Base())}
	}
	if e.Object != (store.Object{}) {
		install := "gostore install " + label(e.Object)
		if e.Problem == store.LayerExposed { // perhaps in one file only, which is not looked at each time
			install = "GOSTORE_LAYERS=off " + install
		}
		tips = append(tips, "to have it in your own store: "+install)
	}
	return code, tips
}

// aloneTip is for machines on which a directory that others could change does no harm.
const aloneTip = "where nobody else is, as in a container: GOSTORE_ALONE=1"

// mend says how to close a directory that others could change.
func mend(err error) []string {
	var fault *guard.Error
	if !errors.As(err, &fault) {
		return nil
	}
	var tip string
	switch fault.Problem {
	case guard.OpenToAll:
		tip = "close it: chmod go-w " + fault.Path
	case guard.OpenToGroup:
		tip = "close it: chmod g-w " + fault.Path
	default:
		return nil
	}
	if fault.OnWay {
		tip += "; or, if others shall make files there, as in /tmp: chmod +t " + fault.Path
	}
	return []string{tip}
}

// explainExposed is for a store that others could change.
func explainExposed(root *store.RootError) []string {
	var fault *guard.Error
	errors.As(root, &fault)
	switch {
	case fault.Problem == guard.ForeignLink:
		return []string{"whose link that is decides what runs: set GOSTORE_ROOT to where the store really is", aloneTip}
	case fault.Problem == guard.Foreign:
		return []string{"run gostore as the user whose it is, without sudo (or with sudo -H, for a store of root's own)",
			"or set GOSTORE_ROOT to a directory that is yours, below directories that are yours or root's", aloneTip}
	case fault.Path == root.Dir || filepath.Dir(fault.Path) == root.Dir:
		return []string{"close it: chmod go-w " + fault.Path + ", and then look whether all is as it was: gostore verify", aloneTip}
	}
	return append(mend(fault), "or set GOSTORE_ROOT to a directory that only you can change", aloneTip)
}
