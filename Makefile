# What is worth a short name. Everything else is the go command's: see CONTRIBUTING.md.

FUZZTIME ?= 1m
BENCHSTAT ?= golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

.PHONY: test proof fuzz ci bench benchstat

test:
	go test ./...

ci:
	.ci/run

# The long forms of the tests that break things at every point there is: hours. Each prints a line of figures. PROOF=2/5 does a part.
PROOF ?= all
proof:
	GOSTORE_TEST_PROOF=$(PROOF) go test -count=1 -timeout 8h -v -run '^Test(Kill|Fault|Model|LongLife|FullDisk|Power|Rot|Repair)' ./tests

# Everything, against what others use, into docs/performance.md. It installs what is missing and package registries have.
bench:
	go run ./tests/bench -install -write docs/performance.md $(BENCHFLAGS)

# The parts, at the commit BASE and as they are here: BENCH and PACKAGES choose among them, COUNT says how often each is run.
BASE ?= HEAD~1
BENCH ?= .
PACKAGES ?= ./...
COUNT ?= 6
benchstat:
	@set -e; dir=$$(mktemp -d); trap 'git worktree remove --force "$$dir/base"; rm -rf "$$dir"' EXIT; trap 'exit 130' INT TERM; \
	git worktree add -q --detach "$$dir/base" $(BASE); \
	for round in $$(seq $(COUNT)); do \
		(cd "$$dir/base" && go test -run '^$$' -bench '$(BENCH)' $(PACKAGES)) >>"$$dir/base.txt"; \
		go test -run '^$$' -bench '$(BENCH)' $(PACKAGES) >>"$$dir/here.txt"; \
	done; \
	go run $(BENCHSTAT) "$$dir/base.txt" "$$dir/here.txt"

# Every fuzz target, one after the other, each for FUZZTIME. What is found is kept under testdata/fuzz.
fuzz:
	@set -e; for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz'); do \
			echo "=== $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$package"; \
		done; \
	done
