package variables

import (
	"slices"

	"gostore/internal/goenv"
)

// Returning returns those of names, sorted, that would come back through a go env file although applied, the variables of an
// environment, does not set them or sets them to nothing.
func Returning(f goenv.File, applied []string, names []string) []string {
	values := asMap(applied)
	var back []string
	for _, name := range names {
		if _, ok := f.Get(name); ok && values[name] == "" && !processOnly()[name] {
			back = append(back, name)
		}
	}
	slices.Sort(back)
	return slices.Compact(back)
}
