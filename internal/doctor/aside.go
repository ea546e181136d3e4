package doctor

import (
	"fmt"
	"time"
)

// asides looks for objects that a repair set aside and that are not here again.
func (h *Host) asides() []Finding {
	if h.Store == nil {
		return nil
	}
	list, err := h.Store.Asides()
	if err != nil {
		return nil // the probe of what is unusable says so
	}
	var found []Finding
	for _, a := range list {
		if _, err := h.Store.Lookup(a.Object.Tree); err == nil {
			continue
		}
		name := a.Object.Name + "@" + a.Object.Version
		found = append(found, Finding{
			ID: "store-aside", Severity: Problem, Subject: name, Mend: []string{"gostore install # in a project that needs it", "gostore install " + quote(name)},
			Title:    fmt.Sprintf("the object %s was damaged, and nothing had what it lacked: it was set aside", a.Object),
			Evidence: []string{fmt.Sprintf("set aside %s, as %s", a.Since.Local().Format(time.DateTime), h.short(a.Path))},
		})
	}
	return found
}
