// Package cmd is gostore's command line: flags, printing, advice and exit codes, one file per
// command.
//
// Everything else lives in the packages below it, which never print and never exit. Rules of
// output stand in ui.go, what an error means to a person in explain.go. Config carries the
// whole outside world, so that tests can run the command line in-process.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gostore/internal/config"
	"gostore/internal/enter"
	"gostore/internal/fetch"
	"gostore/internal/install"
	"gostore/internal/journal"
	"gostore/internal/priority"
	"gostore/internal/shim"
	"gostore/lock"
	"gostore/store"
)

// Config is what the command line knows of the outside world.
type Config struct {
	Program        string   // what gostore was started as, as argv[0] says it; empty means gostore
	Args           []string // without the program's name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string
	Dir            string        // the working directory, absolute
	Root           string        // the store, where GOSTORE_ROOT does not name one; empty means the user's own
	VerifierKey    string        // of the checksum database; empty means the public one's
	Stall          time.Duration // how long a download may stand still; 0 is package fetch's default
	Pause          fetch.Pause   // what waits between attempts; nil sleeps
	StandBack      func() error  // lowers the priority of this process for good; nil does nothing
}

// getenv returns the value of a variable, "" when it is not set. The last setting counts, as
// it does in a child process.
func (c Config) getenv(key string) string { return c.process().Getenv(key) }

// process is what package enter has to know.
func (c Config) process() enter.Process {
	return enter.Process{Environ: c.Environ, Dir: c.Dir, Root: c.Root}
}

// Main runs the command line of this process and returns its exit code.
func Main() int { return Process("", nil) }

// Process is Main with another checksum database, and another way to wait between attempts, for the tests' own program.
func Process(verifierKey string, pause fetch.Pause) int {
	dir, err := os.Getwd()
	cfg := Config{
		Program: os.Args[0], Args: os.Args[1:],
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Environ: os.Environ(), Dir: dir, VerifierKey: verifierKey, Pause: pause, StandBack: priority.Lower,
	}
	if command, ok := shim.Named(cfg.Program); ok {
		return runShim(cfg, command)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "gostore: error: finding the working directory: %v\n", err)
		return exitFailed
	}
	if len(cfg.Args) > 2 && cfg.Args[0] == "shell" && cfg.Args[1] == "--" {
		quickShell(cfg, cfg.Args[2:])
	}
	ctx, stop := stoppable()
	defer stop()
	return Run(ctx, cfg)
}

// stoppable returns the context of a command, which the signals that end it cancel.
func stoppable() (context.Context, func()) {
	if signals := stopSignals(); len(signals) > 0 { // none would mean all of them
		return signal.NotifyContext(context.Background(), signals...)
	}
	return context.Background(), func() {}
}

// stopSignals returns the signals that end a command. One that is ignored, as in the background of a script,
// stays so, also for the command of "gostore shell".
func stopSignals() []os.Signal {
	return slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM}, signal.Ignored)
}

// Run runs one command line and returns its exit code.
func Run(ctx context.Context, cfg Config) int {
	a := &app{cfg: cfg, ui: newUI(cfg)}
	root := a.rootCommand()
	root.SetArgs(cfg.Args)
	root.SetIn(cfg.Stdin)
	root.SetOut(cfg.Stdout)
	root.SetErr(cfg.Stderr)
	err := a.find(root)
	if err == nil {
		err = a.startTrace()
	}
	if err == nil {
		err = root.ExecuteContext(a.ui.watchWaits(ctx))
	}
	a.writeRecords(ctx, err)
	a.finish()
	if err == nil {
		err = a.ui.failed()
	}
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil {
		err = &interruptedError{err}
	}
	a.ui.fail(err)
	return exitCode(err)
}

// finish puts away what the command needed while it ran: a process may run more than one.
func (a *app) finish() {
	for _, done := range a.atEnd {
		done()
	}
	a.atEnd = nil
	if a.web != nil {
		a.web.CloseIdle()
	}
	if a.st != nil {
		a.st.Close() // best effort: only read from
	}
}

// app is one run of the command line.
type app struct {
	cfg Config
	ui  *ui

	offlineFlag    bool
	replaceLayered bool // the command installs anew what a layer has and cannot be used there

	// What is made on first use may first be needed by several goroutines at once: sources resolve and fetch side by side, and
	// one may need what another is. A lock is held while its thing is made, and source before web before conf before store.
	once struct{ store, conf, web, source, proxies, end, log sync.Mutex }

	st      *store.Store              // opened on first use
	conf    *config.Config            // read on first use
	web     *fetch.Client             // of all sources, made on first use
	sources map[string]install.Source // made on first use, by name

	proxies *proxyList // found on first use

	locking lockOptions // of the command, if it is "lock"
	makers  []lock.Tool // releases that may make others: what is locked, and what is being locked
	atEnd   []func()    // what the command has to put away

	records   []*journal.Record // of what the command does, for the log
	installed journal.Objects   // by the command so far
	project   string            // path of the lock that the command is about
}

// find reports a command that does not exist, with the nearest ones that do.
func (a *app) find(root *cobra.Command) error {
	_, args, err := root.Find(a.cfg.Args)
	if err == nil {
		return nil
	}
	unknown := args[0]
	if unknown == cobra.ShellCompRequestCmd || unknown == cobra.ShellCompNoDescRequestCmd {
		return nil // cobra adds these when they are called
	}
	return usagef("unknown command %q", unknown).withHints(nearCommand(root, unknown), `"gostore --help" lists the commands`)
}

func nearCommand(root *cobra.Command, written string) string {
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	return didYouMean(nearest(written, names))
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "gostore",
		Short: "Exact toolchains per project, from a content-addressed store",
		Long: `gostore gives every project exactly the toolchains that it names. A request such as
go@1.22 is resolved once into gostore.lock, for every platform, with the digests that
upstream states; from then on everybody runs the same bytes. What was unpacked is kept
once, in a store of your own, until "gostore gc" finds that nothing needs it.`,
		Example: `  gostore lock go@1.22
  gostore shell -- go version
  gostore switch go@1.26`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		Version:           version,
	}
	root.PersistentFlags().BoolVarP(&a.ui.quiet, "quiet", "q", false, "print only the answer and errors")
	root.PersistentFlags().BoolVarP(&a.ui.verbose, "verbose", "v", false, "print details as well")
	root.PersistentFlags().BoolVar(&a.offlineFlag, "offline", false, "use no network; what is missing is an error")
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(a.help)
	root.SetHelpCommand(a.helpCommand())
	for _, command := range []func() *cobra.Command{
		a.lockCommand, a.installCommand, a.fetchCommand, a.shellCommand, a.envCommand,
		a.switchCommand, a.keepCommand, a.rollbackCommand, a.generationsCommand, a.watchCommand,
		a.listCommand, a.whichCommand, a.diffCommand,
		a.toolsCommand, a.exportCommand, a.importCommand, a.importFromCommand,
		a.gcCommand, a.rootsCommand, a.verifyCommand,
		a.shimsCommand, a.hookCommand, a.trustCommand, a.linkCommand,
		a.checkCommand, a.doctorCommand, a.logCommand, a.configCommand,
		a.completionCommand, a.versionCommand,
	} {
		root.AddCommand(command())
	}
	root.InitDefaultHelpCmd() // which needs other commands beside it
	return root
}

// flagError explains a flag that is wrong.
func flagError(c *cobra.Command, err error) error {
	near := ""
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		near = didYouMean(nearest("--"+unknown.GetSpecifiedName(), names))
	}
	return usagef("%v", err).withHints(near, fmt.Sprintf("%q lists the flags", c.CommandPath()+" --help"))
}

// jsonFlag adds --json to a command.
func jsonFlag(c *cobra.Command, set *bool) {
	c.Flags().BoolVar(set, "json", false, "print the answer as JSON")
}

// openStore opens the store, creating it on first use.
func (a *app) openStore() (*store.Store, error) {
	a.once.store.Lock()
	defer a.once.store.Unlock()
	if a.st != nil {
		return a.st, nil
	}
	dir, err := a.cfg.rootDir()
	if err != nil {
		return nil, err
	}
	if a.st, err = a.cfg.process().OpenStore(dir); err == nil {
		a.st.SealFiles(a.sealer())
	}
	return a.st, err
}

// rootDir returns the store's directory, as enter.Process.StoreRoot does.
func (c Config) rootDir() (string, error) {
	dir, err := c.process().StoreRoot()
	if err != nil {
		return "", advise(err, exitFailed, "set GOSTORE_ROOT to a directory on a local disk")
	}
	return dir, nil
}

// abs makes a path that a person gave absolute.
func (c Config) abs(path string) string { return c.process().Abs(path) }
