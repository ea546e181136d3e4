package doctor

import (
	"context"
	"errors"

	"gostore/internal/guard"
	"gostore/store"
)

var layersProbe = Probe{
	Name: "layers", About: "the stores below yours: whether they are there, whose, and have what you use of them",
	Kinds: []Kind{
		{"layers-unknown", "what names the layers cannot be understood"},
		{"layer-unusable", "a layer cannot be used"},
		{"layer-exposed", "a layer can be changed by others"},
		{"layer-object", "an object that a layer has cannot be used"},
	},
	run: func(_ context.Context, h *Host) []Finding {
		if h.Store == nil {
			return nil
		}
		below, err := h.Store.Layers()
		if err != nil {
			return []Finding{{ID: "layers-unknown", Severity: Problem, Subject: "layers", Evidence: lines(err),
				Title: "what names the layers cannot be understood: nothing of them is used", Mend: []string{"# mend what the evidence names"}}}
		}
		var found []Finding
		for _, l := range below {
			if l.Err != nil {
				found = append(found, unusableLayer(l))
			}
		}
		return append(found, h.withheld()...)
	},
}

func unusableLayer(l store.LayerState) Finding {
	f := Finding{ID: "layer-unusable", Severity: Problem, Subject: l.Dir, Evidence: lines(l.Err), Mend: []string{"ls -ld " + quote(l.Dir)},
		Title: "a layer cannot be used: what it has is installed anew, and what was used of it is not there"}
	if fault := (*guard.Error)(nil); errors.As(l.Err, &fault) {
		f.ID, f.Title = "layer-exposed", "a layer can be changed by others, so nothing of it is used: they would decide what is started from it"
		f.Mend = []string{"ls -ld " + quote(fault.Path), "# its owner: chmod go-w " + quote(fault.Path)}
	}
	return f
}

// withheld finds the objects of layers that are in use and cannot be.
func (h *Host) withheld() []Finding {
	objects, err := h.Store.Objects()
	if err != nil {
		return nil // the store's probe says so
	}
	var found []Finding
	for _, o := range objects {
		if _, layered := h.Store.LayerOf(o); !layered {
			continue
		}
		if err := h.Store.Usable(o); err != nil {
			name := o.Name + "@" + o.Version
			found = append(found, Finding{ID: "layer-object", Severity: Problem, Subject: name, Evidence: lines(err),
				Title: name + " is in a layer and cannot be used there", Mend: []string{"gostore install " + quote(name)}})
		}
	}
	return found
}
