package powercut

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
)

// Plan says which states to look at.
type Plan struct {
	All     int    // every combination, where no more than so many effects are not durable; then nothing else is needed
	Singles bool   // each effect that is not durable alone missing, and alone there
	Random  int    // so many random choices at each cut
	Seed    uint64 // of them
}

// States goes through states that may be found when the power fails after the first cut operations, each with what makes it: nothing
// that was not durable is there; all of it; names, sizes and modes without bytes; bytes and sizes without names; and
// what the plan says beside.
func (d *Disk) States(cut int, p Plan) iter.Seq2[string, *State] {
	return func(yield func(string, *State) bool) {
		pending := d.Pending(cut)
		try := func(what string, keep func(i int) bool) bool { return yield(what, d.At(cut, keep)) }
		bytes := func(i int) bool { return d.effects[i].kind == someBytes }
		if len(pending) <= p.All {
			for chosen := range 1 << len(pending) {
				keep := func(i int) bool { return chosen&(1<<slices.Index(pending, i)) != 0 }
				if !try(fmt.Sprintf("%0*b of what was not synced", len(pending), chosen), keep) {
					return
				}
			}
			return
		}
		if !try("nothing", func(int) bool { return false }) || len(pending) == 0 {
			return
		}
		if !try("everything", func(int) bool { return true }) ||
			!try("no bytes", func(i int) bool { return !bytes(i) }) ||
			!try("no names", func(i int) bool { return d.effects[i].kind != aName }) {
			return
		}
		for _, one := range pending {
			if !p.Singles {
				break
			}
			if !try("without "+d.describe(one), func(i int) bool { return i != one }) ||
				!try("only "+d.describe(one), func(i int) bool { return i == one }) {
				return
			}
		}
		for n := range p.Random {
			random := rand.New(rand.NewPCG(p.Seed, uint64(cut)<<20|uint64(n)))
			share := [...]float64{0.5, 0.85, 0.15, 0.97}[n%4]
			chosen := map[int]bool{}
			for _, i := range pending {
				chosen[i] = random.Float64() < share
			}
			if !try(fmt.Sprintf("random choice %d of seed %d", n, p.Seed), func(i int) bool { return chosen[i] }) {
				return
			}
		}
	}
}

// describe says what an effect is.
func (d *Disk) describe(i int) string {
	e := d.effects[i]
	what := [...]string{"the name", "the bytes", "the size", "the cut", "the mode", "the time"}[e.kind]
	return fmt.Sprintf("%s of operation %d, %s", what, e.op, d.Ops[e.op-1])
}
