package install

import (
	"errors"
	"os"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/release"
)

// doubting is a source that got wrong bytes the first time.
type doubting struct {
	fake
	doubted int
	hope    bool
}

func (d *doubting) Doubt(release.Item) bool {
	d.doubted++
	return d.hope
}

func TestWrongBytesOfAMirrorAreFetchedAgain(t *testing.T) {
	st := openStore(t)
	d := &doubting{hope: true}
	d.fetch = func(part string) error {
		data, err := os.ReadFile(part)
		if err != nil || len(data) > 0 {
			t.Errorf("the part holds %q, %v", data, err)
		}
		if d.doubted == 0 {
			return os.WriteFile(part, []byte("wrong"), 0o600)
		}
		return os.WriteFile(part, []byte("1"), 0o600)
	}
	lease, err := One(t.Context(), st, Job{Source: d, Item: item("1", archiveOf(t, "1"))})
	if err != nil || d.doubted != 1 {
		t.Fatalf("doubted %d times, %v", d.doubted, err)
	}
	lease.Release()

	hopeless := &doubting{}
	hopeless.fetch = func(part string) error { return os.WriteFile(part, []byte("wrong"), 0o600) }
	_, err = One(t.Context(), st, Job{Source: hopeless, Item: item("2", archiveOf(t, "2"))})
	if !errors.As(err, new(*digest.MismatchError)) || hopeless.fetched.Load() != 1 {
		t.Errorf("%d fetches, %v", hopeless.fetched.Load(), err)
	}
}
