#!/usr/bin/env bash
# Every test, one after the other, with a summary. Docs/testing.md says what each step covers.

cd "$(dirname "$0")/.." && source Scripts/common.sh

PYTHON=$(find_python) || fail "no python3 can import jsonschema; run make setup"
export COXSWAIN_PYTHON=$PYTHON
export COXSWAIN_BIN=$PWD/.build/debug/coxswain
# Empty where it can not be had; the test says that it is skipped.
COXSWAIN_JSON_SCHEMA_SUITE=$(Scripts/schema-suite.sh 2>/dev/null) || COXSWAIN_JSON_SCHEMA_SUITE=
export COXSWAIN_JSON_SCHEMA_SUITE
logs=$(mktemp -d -t coxswain-test.XXXXXX)
summary=()
failed=0

# Everything but the tests that pass; the logs have those too.
show() { { grep --line-buffered -vE '^◇|^✔ (Suite|Test case)|^✔ Test [^ ]*\(' || true; } | sed -u 's/^/   /'; }

# Exit status of a step that could not run on this machine; the summary says so.
SKIPPED=75

step() {
  local name=$1 started=$SECONDS verdict=passed status=0
  shift
  say "== $name"
  "$@" 2>&1 | tee "$logs/$name.log" | show >&2 || status=$?
  if [ "$status" -eq "$SKIPPED" ]; then
    verdict=SKIPPED
  elif [ "$status" -ne 0 ]; then
    verdict=FAILED
    failed=1
  fi
  summary+=("$(printf '%-10s %-8s %4d s' "$name" "$verdict" "$((SECONDS - started))")")
  [ "$verdict" = passed ]
}

build() {
  swift build --build-tests -j "$JOBS" 2>&1 | tee "$logs/build-output.log" || return 1
  if grep -E 'warning:' "$logs/build-output.log"; then
    say "the build has warnings"
    return 1
  fi
}

swift_tests() { swift test --skip-build --disable-xctest; }
python_tests() { (cd Clients/python && "$PYTHON" -m unittest discover -s tests -t .); }
capture() { "$PYTHON" Scripts/capture.py "$COXSWAIN_BIN"; }
sanitizers() { "$PYTHON" Tests/CShim/sanitize.py; }

if step build build; then
  step swift swift_tests || true
  step python python_tests || true
  step capture capture || true
  step deploy Scripts/test-deploy.sh || true
  step vllm Scripts/test-vllm.sh || true
fi
step sanitizers sanitizers || true
step lint Scripts/lint.sh || true

say ""
say "summary"
for line in "${summary[@]}"; do say "  $line"; done
if [ "$failed" -ne 0 ]; then
  say "failed; logs in $logs"
  exit 1
fi
rm -rf "$logs"
say "everything passed"
