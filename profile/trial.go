package profile

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"gostore/internal/chain"
	"gostore/internal/digest"
)

// Trial says of a switch that its generation is current only for a time. It lasts until Keep, until another generation becomes
// current, or until EndTrial finds that the time is up. That is read from the history: a trial is not over before the record
// that ends it is there, and no crash can separate the two.
type Trial struct {
	Back  Point     `json:"back"`  // the generation that becomes current again
	Until time.Time `json:"until"` // UTC
}

// NoTrialError says that a profile's current generation is not on trial.
type NoTrialError struct {
	Profile string
	Current int // the number of the current generation
}

func (e *NoTrialError) Error() string {
	return fmt.Sprintf("profile %q: generation %d is not on trial", e.Profile, e.Current)
}

// Trial returns the trial that the current generation is on, nil when it is on none. It looks at the end of the history only, and
// may be called without any filelock.
func (p *Profile) Trial() (*Trial, error) {
	current, err := p.currentNumber()
	if isNone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return p.trialOf(current)
}

// trialOf returns the trial that generation current is on: what the record says that made it current, or kept it. Records behind
// that one were not carried out, or only pruned.
func (p *Profile) trialOf(current int) (*Trial, error) {
	var trial *Trial
	_, err := chain.ReadTail(p.path(historyName), func(text []byte, _ digest.Content) (int, bool, error) {
		r, err := parseLine(text)
		made := err == nil && r.Action != Prune && r.To.Number == current
		if made {
			trial = r.Trial
		}
		return r.Number, !made, err
	})
	return trial, err
}

// Keep ends the trial of the current generation, which stays: the record in the history is all of it. The error is
// a *NoTrialError when there is none; Trial tells beforehand whether its time is up.
func (p *Profile) Keep(ctx context.Context, who Who, at time.Time) (Generation, error) {
	unlock, err := p.lock(ctx, false)
	if err != nil {
		return Generation{}, err
	}
	defer unlock()

	g, tools, err := p.before(false)
	if err != nil {
		return Generation{}, err
	}
	g.Tools = tools
	trial, err := p.trialOf(g.Number)
	if err != nil {
		return g, err
	}
	if trial == nil {
		return g, &NoTrialError{p.name, g.Number}
	}
	t, err := p.readTail()
	if err != nil {
		return g, err
	}
	g.By, err = p.appendRecord(t, Record{Time: now(at), Action: Keep, Who: who, From: g.point(), To: g.point()})
	return g, err
}

// EndTrial makes the generation before a trial current again when its time is up, as Rollback does. It returns the generation that was on
// trial and the one that is current now, which has its tools; ErrUnchanged when there is no trial, or time is left.
func (p *Profile) EndTrial(ctx context.Context, who Who, at time.Time) (from, to Generation, err error) {
	trial, err := p.Trial()
	if err != nil {
		return from, to, err
	}
	if trial == nil || at.Before(trial.Until) {
		return from, to, ErrUnchanged
	}
	return p.endTrial(ctx, who, at, false)
}

// StopTrial is EndTrial before the time is up.
func (p *Profile) StopTrial(ctx context.Context, who Who, at time.Time) (from, to Generation, err error) {
	return p.endTrial(ctx, who, at, true)
}

// endTrial takes the filelock and looks again: somebody may have kept the generation, or ended its trial, meanwhile.
func (p *Profile) endTrial(ctx context.Context, who Who, at time.Time, early bool) (from, to Generation, err error) {
	unlock, err := p.lock(ctx, false)
	if err != nil {
		return from, to, err
	}
	defer unlock()

	from, tools, err := p.before(false)
	if err != nil {
		return from, to, err
	}
	trial, err := p.trialOf(from.Number)
	if err != nil {
		return from, to, err
	}
	if trial == nil || !early && at.Before(trial.Until) {
		return from, to, ErrUnchanged
	}
	to, err = p.back(from, tools, trial.Back.Number, who, at)
	return from, to, err
}

// begin makes the trial of a generation that follows from, with the filelock held. A trial that follows another leads back to
// where that one would have.
func (p *Profile) begin(from Generation, length time.Duration, at time.Time) (*Trial, error) {
	if from.Number == 0 {
		return nil, &NoGenerationError{Profile: p.name}
	}
	trial := &Trial{Back: from.point(), Until: now(at).Add(length)}
	running, err := p.trialOf(from.Number)
	if err != nil {
		return nil, err
	}
	if running != nil {
		trial.Back = running.Back
	}
	g, err := p.generation(trial.Back.Number, from.Number)
	if err == nil && g.Problem != "" {
		err = p.broken(strconv.Itoa(g.Number), g.Problem)
	}
	return trial, err
}
