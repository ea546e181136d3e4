package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"gostore/internal/archive"
	"gostore/internal/config"
	"gostore/internal/digest"
	"gostore/internal/enter"
	"gostore/internal/environment"
	"gostore/internal/filelock"
	"gostore/internal/release"
	"gostore/internal/source/asset"
	"gostore/internal/source/gomodule"
	"gostore/internal/source/goproxy"
	"gostore/internal/textfile"
	"gostore/lock"
	"gostore/profile"
	"gostore/store"
)

// The exit codes; help.go says what they mean.
const (
	exitOK            = 0
	exitFailed        = 1
	exitUsage         = 2
	exitIntegrity     = 3
	exitNotFound      = 4
	exitBusy          = 5
	exitNetwork       = 6
	exitOutdated      = 7
	exitUnfinished    = 8
	exitNotExecutable = 126
	exitNoCommand     = 127
	exitInterrupted   = 130
)

// severity orders the codes for an error that joins several: what a script must not overlook
// comes first.
var severity = []int{exitInterrupted, exitIntegrity, exitUsage, exitOutdated, exitBusy, exitNetwork, exitNotFound, exitUnfinished}

// advisedError is an error of the command line itself, with what to do about it.
type advisedError struct {
	err  error
	code int
	tips []string
}

func (e *advisedError) Error() string { return e.err.Error() }
func (e *advisedError) Unwrap() error { return e.err }

// advise adds an exit code and hints to an error.
func advise(err error, code int, tips ...string) error {
	return &advisedError{err, code, tips}
}

// usagef makes the error for a wrong command line.
func usagef(format string, args ...any) *advisedError {
	return &advisedError{err: fmt.Errorf(format, args...), code: exitUsage}
}

// withHints adds hints; empty ones are dropped.
func (e *advisedError) withHints(tips ...string) *advisedError {
	e.tips = append(e.tips, slices.DeleteFunc(tips, func(t string) bool { return t == "" })...)
	return e
}

// interruptedError is whatever a command returned after a signal told it to stop.
type interruptedError struct{ err error }

func (e *interruptedError) Error() string {
	if errors.Is(e.err, context.Canceled) {
		return "interrupted"
	}
	return "interrupted: " + e.err.Error()
}

// exitCode returns the exit code for an error.
func exitCode(err error) int {
	var codes []int
	for _, e := range flatten(err) {
		code, _ := explain(e)
		codes = append(codes, code)
	}
	for _, code := range severity {
		if slices.Contains(codes, code) {
			return code
		}
	}
	return codes[0]
}

// hints returns what to do next, each thing once.
func hints(err error) []string {
	var all []string
	for _, e := range flatten(err) {
		_, tips := explain(e)
		for _, tip := range tips {
			if !slices.Contains(all, tip) {
				all = append(all, tip)
			}
		}
	}
	return all
}

// explain says what a single error means to a person: the exit code and what to do next.
func explain(err error) (code int, tips []string) {
	for _, rule := range []func(error) (int, []string){
		explainOwn, explainLayer, explainForeign, explainBundle, explainIntegrity, explainLock, explainEnvironment, explainProfile,
		explainFound,
		explainMissing, explainRequest, explainNotFound, explainNetwork, explainStore, explainSystem,
	} {
		if code, tips := rule(err); code != exitOK {
			return code, tips
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return exitNotFound, nil
	}
	return exitFailed, nil
}

// explainOwn is for errors of the command line. One without a code adds its hints to those of
// its cause.
func explainOwn(err error) (int, []string) {
	var interrupted *interruptedError
	if errors.As(err, &interrupted) {
		return exitInterrupted, []string{"nothing is half made; the same command goes on with what was downloaded"}
	}
	var own *advisedError
	if !errors.As(err, &own) {
		return exitOK, nil
	}
	if own.code != exitOK {
		return own.code, own.tips
	}
	code, tips := explain(own.err)
	return code, append(slices.Clone(own.tips), tips...)
}

func explainIntegrity(err error) (int, []string) {
	var (
		damaged  *store.DamagedError
		mismatch *digest.MismatchError
		format   *archive.FormatError
		database *goproxy.SumDBError
		modules  *gomodule.DatabaseError
		unlogged *gomodule.UnloggedError
		build    *gomodule.BuildError
		signed   *asset.SignatureError
	)
	switch {
	case errors.As(err, &damaged):
		return exitIntegrity, []string{`"gostore verify --repair" mends it`}
	case errors.As(err, &unlogged):
		return exitIntegrity, []string{"a private module can be locked without the database: --unlogged, which the lock then says"}
	case errors.As(err, &build):
		return exitIntegrity, []string{"nothing of it was kept; the program was not made of what the lock says, or not by what it says"}
	case errors.As(err, &signed):
		return exitIntegrity, []string{"nothing of it was kept or executed: the author's key did not sign this archive"}
	case errors.As(err, &database), errors.As(err, &modules):
		return exitIntegrity, []string{"the checksum database does not vouch for this release, so nothing of it was kept",
			"try another network or another GOPROXY; if it stays, somebody is tampering"}
	case errors.As(err, &mismatch):
		return exitIntegrity, []string{"nothing of it was kept or executed",
			"if the lock is right, what serves the archive is wrong: try another mirror or GOPROXY"}
	case errors.As(err, &format):
		return exitIntegrity, []string{"nothing of it was kept; the archive is damaged or was made by something else than upstream",
			"try again, or try another mirror or GOPROXY"}
	}
	return exitOK, nil
}

func explainLock(err error) (int, []string) {
	var outdated *lock.OutdatedError
	var syntax *textfile.Error
	var variable *config.VariableError
	switch {
	case errors.As(err, &variable):
		return exitUsage, []string{"docs/configuration.md describes the variables"}
	case errors.As(err, &outdated):
		return exitOutdated, []string{`"gostore lock" brings it up to date`}
	case errors.Is(err, lock.ErrConflict):
		return exitFailed, []string{`resolve the merge (each tool's block is independent), then run "gostore lock"`}
	case errors.As(err, &syntax):
		return exitFailed, []string{"mend the line"}
	}
	return exitOK, nil
}

func explainEnvironment(err error) (int, []string) {
	var check *environment.CheckError
	var conflict *environment.ConflictError
	var runner *environment.RunnerError
	switch {
	case errors.Is(err, enter.ErrNoCaches):
		return exitUsage, []string{"leave --isolate out, or name a Go as well"}
	case errors.As(err, &runner):
		return exitFailed, []string{"name " + runner.Runner + " as well; in a project: gostore lock --add " + runner.Runner}
	case errors.As(err, &check):
		return exitFailed, nil
	case errors.As(err, &conflict):
		return exitFailed, []string{"leave one of the two tools out"}
	}
	return exitOK, nil
}

func explainProfile(err error) (int, []string) {
	var missing *profile.NoGenerationError
	var broken *profile.BrokenError
	var history *profile.HistoryError
	var trial *profile.NoTrialError
	switch {
	case errors.As(err, &trial):
		return exitNotFound, []string{"what is current stays so; a trial begins with: gostore switch --for 10m TOOL@VERSION"}
	case errors.As(err, &missing) && len(missing.Have) == 0:
		return exitNotFound, []string{"make the first one: gostore switch go@1.22"}
	case errors.As(err, &missing):
		return exitNotFound, []string{"it has " + strings.Trim(fmt.Sprint(missing.Have), "[]")}
	case errors.As(err, &broken):
		return exitFailed, []string{"go back to a generation that is whole: gostore rollback N", `"gostore generations" lists them`,
			`where none is, "gostore switch" alone, in a project, makes one of what is locked there`}
	case errors.As(err, &history) && history.Torn:
		return exitFailed, []string{"nothing is lost: the next switch replaces the torn line"}
	case errors.As(err, &history):
		return exitIntegrity, []string{"somebody changed the history by hand; generations and rollback work without it"}
	}
	return exitOK, nil
}

func explainNotFound(err error) (int, []string) {
	var missing *release.NotFoundError
	if !errors.As(err, &missing) {
		return exitOK, nil
	}
	const most = 8
	have := missing.Have
	switch {
	case missing.Version == "":
		tips := []string{`"gostore tools" lists the names that are known`}
		if near := didYouMean(nearest(missing.Tool, have)); near != "" {
			tips = append([]string{near}, tips...)
		}
		return exitNotFound, tips
	case missing.Platform != nil && len(have) > 0:
		return exitNotFound, []string{"it is served for " + strings.Join(have, ", ")}
	case len(have) > most:
		return exitNotFound, []string{fmt.Sprintf("nearest: %s, and %d more", strings.Join(have[:most], ", "), len(have)-most)}
	case len(have) > 0:
		return exitNotFound, []string{"nearest: " + strings.Join(have, ", ")}
	}
	return exitNotFound, []string{"nothing like it is served by upstream; for Go, another GOPROXY may have it"}
}

func explainStore(err error) (int, []string) {
	var root *store.RootError
	if !errors.As(err, &root) {
		return exitOK, nil
	}
	if root.Problem == store.NewerFormat {
		return exitFailed, []string{"update gostore, or set GOSTORE_ROOT to another directory"}
	}
	if root.Problem == store.Exposed {
		return exitFailed, explainExposed(root)
	}
	return exitFailed, []string{"set GOSTORE_ROOT to a directory on a local disk that is yours"}
}

func explainSystem(err error) (int, []string) {
	switch {
	case errors.Is(err, filelock.ErrBusy):
		return exitBusy, []string{"try again when the other gostore is done"}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return exitFailed, []string{"see whose it is and what its mode allows: ls -ld"}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return exitFailed, []string{`the disk is full: "gostore gc" removes what nothing uses, "gostore roots" says what keeps the rest`}
	}
	return exitOK, nil
}
