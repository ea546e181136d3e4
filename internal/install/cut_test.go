package install

import (
	"errors"
	"os"
	"testing"

	"gostore/internal/digest"
	"gostore/store"
)

// What a power cut left of a download can have zeroes in the place of bytes. The same command throws it away and gets all of it
// again, once.
func TestZeroesInADownloadAreFetchedAgain(t *testing.T) {
	for _, again := range []string{"1", "wrong"} {
		st, src := openStore(t), &fake{}
		job := Job{Source: src, Item: item("1", archiveOf(t, "1"))}
		leave(t, st, job)
		src.fetch = func(part string) error {
			data, err := os.ReadFile(part)
			if err != nil || len(data) > 0 { // it is all there, as far as its length tells
				return err
			}
			return os.WriteFile(part, []byte(again), 0o600)
		}
		lease, err := One(t.Context(), st, job)
		if n := src.fetched.Load(); n != 2 {
			t.Errorf("%d fetches", n)
		}
		if again == "1" {
			if err != nil {
				t.Fatal(err)
			}
			lease.Release()
		} else if !errors.As(err, new(*digest.MismatchError)) {
			t.Errorf("wrong bytes twice: %v", err)
		}
	}
}

// leave leaves a download of one zero.
func leave(t *testing.T, st *store.Store, job Job) {
	t.Helper()
	part, err := st.Part(t.Context(), job.Item.Key())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(part.Path(), []byte{0}, 0o600), part.Release()); err != nil {
		t.Fatal(err)
	}
}
