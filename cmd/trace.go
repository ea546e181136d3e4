package cmd

import (
	"errors"
	"fmt"
	"os"
	"runtime/trace"
)

// traceVariable names a file for an execution trace of the command: "go tool trace FILE" shows it. The
// tasks and regions in it are the steps of an install, wherever they run.
const traceVariable = "GOSTORE_TRACE"

// startTrace starts the trace that traceVariable asks for. It ends with the command, or where that replaces the process.
func (a *app) startTrace() error {
	path := a.cfg.getenv(traceVariable)
	if path == "" {
		return nil
	}
	f, err := os.Create(a.cfg.abs(path))
	if err == nil {
		err = trace.Start(f)
	}
	if err != nil {
		return advise(fmt.Errorf("tracing to %q: %w", path, err), exitFailed, traceVariable+" names a file that can be written; without it nothing is traced")
	}
	a.atEnd = append(a.atEnd, func() {
		trace.Stop()
		if err := f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			a.ui.warn("the trace is not whole: %v", err)
		}
	})
	return nil
}
