# Coxswain. Every target installs what it needs on a fresh Debian; `make help` lists them.

SWIFT ?= swift
# Two jobs: enough for the machines this is built on, and a debug build fits their memory.
JOBS ?= 2
BUILD := $(SWIFT) build -j $(JOBS)
BIN := .build/release
# What `make run` replays: the bundled workload, or TRACE=file in the Azure, ServeGen or Mooncake format.
TRACE ?=
PROFILE ?= h100-llama31-8b
POLICY ?= vllm-v1
ENGINE_OPTIONS ?=

.PHONY: help setup build run test test-swift test-python test-schemas test-c bench lint embed clean

help:
	@echo "make run [TRACE=file] [PROFILE=name] [POLICY=name]   sidecar and reference engine over the socket, scorecard"
	@echo "make test                                            every test; 0 warnings"
	@echo "make bench                                           benchmarks, beside an echo over the same transport"
	@echo "make lint                                            format and tidiness"
	@echo "make build | setup | embed | clean"

setup:
	@Scripts/setup.sh

build: setup
	$(BUILD) -c release --product coxswain
	$(BUILD) -c release --product coxswain-probe

run: build
	@Scripts/run.sh $(BIN) "$(POLICY)" --profile "$(PROFILE)" $(if $(TRACE),--trace "$(TRACE)") $(ENGINE_OPTIONS)

test: setup lint test-schemas test-c test-swift test-python
	@echo "all tests passed"

# Warnings are errors in our own targets (Package.swift), so a build that succeeds has none.
test-swift: setup
	$(BUILD) --build-tests
	$(SWIFT) test --skip-build

test-python: setup
	$(BUILD) --product coxswain
	cd Clients/python && COXSWAIN_BIN="$(CURDIR)/.build/debug/coxswain" python3 -m unittest discover -s tests -t .

test-schemas: setup
	python3 Scripts/judge.py

test-c: setup
	@Scripts/test-c.sh

bench: build
	$(BIN)/coxswain bench

lint: setup
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests

# After adding a file to Policies, Profiles or Schemas.
embed:
	python3 Scripts/embed.py

clean:
	rm -rf .build
