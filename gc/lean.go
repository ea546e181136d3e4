package gc

import (
	"fmt"

	"gostore/internal/digest"
	"gostore/store"
)

// leaning is what discarded objects refer to, as long as a power cut can bring them back: discarding is a rename, which is not
// synced. None comes back without what it refers to, because that is discarded only when the renames before are durable. An
// environment goes before its tools, so this is one more sync for a batch and not one for each object.
type leaning map[digest.Tree]bool

// before is called before an object is discarded.
func (l leaning) before(st *store.Store, t digest.Tree) error {
	if !l[t] {
		return nil
	}
	if err := st.SyncNames(); err != nil {
		return fmt.Errorf("making discarded objects stay so: %w", err)
	}
	clear(l)
	return nil
}

// after is called when an object with these references was discarded.
func (l leaning) after(refs []digest.Tree) {
	for _, t := range refs {
		l[t] = true
	}
}
