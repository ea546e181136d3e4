// Command package makes the packages of gostore, as package distribution describes them:
//
//	go run ./tests/package -o dist
//
// The files' day is today, or the one of SOURCE_DATE_EPOCH; the digest of every package is in dist/SHA256SUMS.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"gostore/internal/distribution"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "package: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	var o distribution.Options
	var platforms string
	flag.StringVar(&o.Out, "o", "dist", "the `directory` for the packages")
	flag.StringVar(&o.Version, "version", "", "the `version` in their names, where it is not the program's own")
	flag.StringVar(&o.Source, "source", ".", "the `directory` of the module")
	flag.StringVar(&platforms, "platforms", strings.Join(distribution.Platforms, ","), "OS/ARCH, separated by commas")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("argument %q: there are none, only flags", flag.Arg(0))
	}
	o.Platforms = strings.Split(platforms, ",")
	o.Day = time.Now().UTC().Truncate(24 * time.Hour)
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		o.Day = time.Unix(seconds, 0).UTC()
	}
	names, err := distribution.Make(context.Background(), o)
	for _, name := range names {
		fmt.Println(name)
	}
	return err
}
