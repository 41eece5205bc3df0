# Everything starts from here; the work is in Scripts/. Each target installs what it needs first (`make setup`).
#
#   make run                                       the bundled workload
#   make run TRACE=trace.csv                       a trace in the Azure, Mooncake or ServeGen format
#   make run PROFILE=a100-llama31-8b POLICY=mine.json ENGINE_OPTIONS="--first 2000 --in-flight 2"
#   make test JOBS=8                               more compiler processes

SHELL := /bin/bash
export JOBS ?= 2
export TRACE PROFILE POLICY ENGINE_OPTIONS

.DEFAULT_GOAL := help
.PHONY: help setup run test test-vllm bench deb man lint embed clean

help:  ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup:  ## install missing system packages (Debian)
	@Scripts/setup.sh

run: setup  ## build, start the sidecar, run the reference engine against it, print its scorecard
	@Scripts/run.sh

test: setup  ## every test: Swift, Python, schemas, messages on real sockets, sanitizers, lint
	@Scripts/test.sh

test-vllm:  ## the tests against a real vLLM on the CPU alone (needs a build; skipped where its wheels cannot be had)
	@Scripts/test-vllm.sh || [ $$? -eq 75 ]

bench: setup  ## benchmarks beside their targets
	@Scripts/build.sh
	@.build/release/coxswain bench

deb:  ## a Debian package in .build/deb
	@Scripts/setup.sh binutils dpkg-dev
	@Scripts/deb.sh

man: setup  ## man pages and shell completions of the release build in .build/man and .build/completions
	@Scripts/build.sh
	@Scripts/man.sh

lint: setup  ## formatting, shell and Python syntax, schemas
	@Scripts/lint.sh

embed:  ## renew the table of schemas, presets and profiles that are compiled in
	@python3 Scripts/embed.py

clean:  ## remove everything that was built
	rm -rf .build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
