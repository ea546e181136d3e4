# What is worth a short name. Everything else is the go command's: see CONTRIBUTING.md.

FUZZTIME ?= 1m

.PHONY: test fuzz ci

test:
	go test ./...

ci:
	.ci/run

# Every fuzz target, one after the other, each for FUZZTIME. What is found is kept under testdata/fuzz.
fuzz:
	@set -e; for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz'); do \
			echo "=== $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$package"; \
		done; \
	done
