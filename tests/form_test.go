package tests

import (
	"fmt"
	"hash/fnv"
	"os"
	"testing"
)

// proofVariable asks for the long form of every test that has one where it is "all", or for a part of it: GOSTORE_TEST_PROOF=2/5.
const proofVariable = "GOSTORE_TEST_PROOF"

// form is how much of a sweep is done: everything, a part of everything, or a sample that is the same every time.
type form struct {
	long     bool
	part, of uint32 // the part, from 1
}

// formOf reads how much of a sweep is asked for by a variable, or else by proofVariable. The short form takes one of sample points.
func formOf(t *testing.T, variable string, sample uint32) form {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		variable, text = proofVariable, os.Getenv(proofVariable)
	}
	f := form{part: 1, of: 1}
	switch text {
	case "":
		return form{part: 1, of: sample}
	case "all":
	default:
		if n, err := fmt.Sscanf(text, "%d/%d", &f.part, &f.of); n != 2 || f.part < 1 || f.part > f.of {
			t.Fatalf("%s=%q: want all, or a part such as 2/5: %v", variable, text, err)
		}
	}
	f.long = true
	return f
}

// takes reports whether a point of a sweep belongs to what is asked for.
func (f form) takes(point string) bool { return spread(point)%f.of == f.part-1 }

// rarely is true for one in eight.
func (f form) rarely(point string) bool { return spread("rarely "+point)%8 == 0 }

// spread is a number that depends on a text only.
func spread(text string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(text))
	n := h.Sum32()
	return n ^ n>>15 // the low bits of this hash say little of the first bytes
}
