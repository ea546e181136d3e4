package scrub

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"time"

	"gostore/internal/checked"
	"gostore/internal/durable"
	"gostore/internal/filelock"
)

// StateName is the name of the account in its directory. It is the subject of its check.
const StateName = "state"

// Coverage says what of a store was verified, and when.
type Coverage struct {
	Slices   int       // of a store
	Verified int       // of them by the round that is under way; all of them where none is
	Began    time.Time // of that round; zero where none is under way
	Complete Round     // the last complete round; zero where there was none
	Oldest   time.Time // when the verification of what was not looked at for the longest time began; zero where some never was
}

// Round is a complete round.
type Round struct {
	Began  time.Time `json:"began"`
	Ended  time.Time `json:"ended"`
	Damage int       `json:"damage"` // how many damaged things were found
}

// state is the account.
type state struct {
	Round    *round        `json:"round,omitempty"`
	Complete *Round        `json:"complete,omitempty"`
	Times    [Slices]int64 `json:"slices"`
}

// round is one that is under way.
type round struct {
	Began  time.Time `json:"began"`
	Done   bitmap    `json:"done"`
	Damage int       `json:"damage"`
}

// bitmap has a bit for each slice, in hexadecimal.
type bitmap [Slices / 8]byte

// MarshalText returns 64 hexadecimal digits.
func (b bitmap) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b[:])), nil }

// UnmarshalText reads them.
func (b *bitmap) UnmarshalText(text []byte) error {
	if len(text) != 2*len(b) {
		return fmt.Errorf("%d digits, want %d", len(text), 2*len(b))
	}
	_, err := hex.Decode(b[:], text)
	return err
}

func (r *round) has(slice byte) bool { return r.Done[slice/8]>>(slice%8)&1 == 1 }

// count is how many slices are done.
func (r *round) count() (n int) {
	for _, b := range r.Done {
		n += bits.OnesCount8(b)
	}
	return n
}

// verified is a slice that was read to its end.
type verified struct {
	slice  byte
	began  time.Time
	damage int
}

// enter enters it. It counts for a round that began before. The last one ends the round.
func (s *state) enter(v verified) {
	s.Times[v.slice] = max(s.Times[v.slice], v.began.Unix())
	r := s.Round
	if r == nil || v.began.Before(r.Began) || r.has(v.slice) {
		return
	}
	r.Done[v.slice/8] |= 1 << (v.slice % 8)
	r.Damage += v.damage
	if r.count() == Slices {
		s.Complete = &Round{r.Began.UTC().Truncate(time.Second), time.Now().UTC().Truncate(time.Second), r.Damage}
		s.Round = nil
	}
}

func (s *state) coverage() Coverage {
	c := Coverage{Slices: Slices, Verified: Slices}
	if s.Round != nil {
		c.Verified, c.Began = s.Round.count(), s.Round.Began.Truncate(time.Second)
	} else if s.Complete == nil {
		c.Verified = 0
	}
	if s.Complete != nil {
		c.Complete = *s.Complete
	}
	oldest := s.Times[0]
	for _, t := range s.Times {
		oldest = min(oldest, t)
	}
	if oldest > 0 {
		c.Oldest = time.Unix(oldest, 0).UTC()
	}
	return c
}

// Read returns the coverage of the store whose account is in dir, and what is wrong with the account: the coverage then is that of a store that never
// was verified.
func Read(dir string) (Coverage, error) {
	s, err := load(dir)
	return s.coverage(), err
}

// load reads the account. One that is not there is empty, and so is one that cannot be believed, with an error.
func load(dir string) (state, error) {
	path := filepath.Join(dir, StateName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	s, err := parse(data)
	if err != nil {
		return state{}, fmt.Errorf("%q: %w", path, err)
	}
	return s, nil
}

func parse(data []byte) (state, error) {
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return state{}, err
	}
	// There never was an account without a check.
	err := checked.Verify(StateName, data, func() ([]byte, error) { return nil, checked.ErrRotten })
	if err != nil {
		return state{}, err
	}
	return s, nil
}

// saveWait is how long a run waits for others that write the account. One that was stopped in the middle of it must not hold it up for
// ever: without an account it only does again what was done.
const saveWait = 20 * time.Second

// update changes the account: filelock on the directory, read, durable.WriteFile. A damaged one is replaced.
func update(dir string, change func(*state)) (state, error) {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return state{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), saveWait)
	defer cancel()
	held, err := filelock.LockDir(ctx, dir)
	if err != nil {
		return state{}, err
	}
	defer held.Close()
	s, _ := load(dir) // what cannot be believed was reported when the run began
	change(&s)
	data, err := json.Marshal(s)
	if err != nil {
		return state{}, err
	}
	return s, durable.WriteFile(filepath.Join(dir, StateName), checked.Add(StateName, append(data, '\n')), 0o644)
}
