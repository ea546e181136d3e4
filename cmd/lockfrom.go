package cmd

import (
	"context"
	"errors"
	"fmt"

	"gostore/internal/project"
	"gostore/lock"
)

// planFrom locks what one file asks for, and leaves what it does not name as it is.
func (a *app) planFrom(ctx context.Context, p project.Project, f *lock.File, args []string, file string) (lockPlan, error) {
	if len(args) > 0 {
		return lockPlan{}, usagef("--from takes the requests of a file, and no others").withHints("lock them one after the other")
	}
	wants, told, err := p.From(a.cfg.abs(file))
	if kind := (*project.KindError)(nil); errors.As(err, &kind) {
		return lockPlan{}, usagef("--from: %v", err)
	}
	if err != nil {
		return lockPlan{}, err
	}
	if len(wants) == 0 {
		return lockPlan{}, nothingWanted(fmt.Errorf("%s asks for no tool that can be locked", a.short(a.cfg.abs(file))), told)
	}
	return a.planMissing(ctx, f, wants, told)
}

// nothingWanted explains that files ask for nothing; told is what they do say.
func nothingWanted(err error, told []string) error {
	return advise(err, exitNotFound, append(told, "name them: gostore lock go@1.22")...)
}
