package profile

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// Whoever looks at a profile that others change reads the history before what is current: what they did in between is no problem,
// and a current that no change led to is one.
func TestCurrentProblemWhileOthersSwitch(t *testing.T) {
	p := open(t, newStore(t), "default")
	for _, v := range []string{"1", "2", "3", "4"} {
		switchTo(t, p, v)
	}
	if _, err := p.Rollback(t.Context(), 2, Who{}, noon); err != nil {
		t.Fatal(err)
	}
	records, err := p.History()
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= len(records); n++ {
		if problem, err := p.currentProblem(records[:n]); problem != "" || err != nil {
			t.Errorf("after %d of %d records: %q, %v", n, len(records), problem, err)
		}
	}
	if err := errors.Join(os.Remove(p.Dir()), os.Symlink("1", p.Dir())); err != nil {
		t.Fatal(err)
	}
	if problem, err := p.currentProblem(records); err != nil || !strings.Contains(problem, "the history ends with 2") {
		t.Errorf("bent: %q, %v", problem, err)
	}
}
