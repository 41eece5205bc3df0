#!/usr/bin/env bash
# The main job: a sidecar in a directory of its own, and the reference engine against it over the socket.
# $TRACE and $PROFILE are handed to the engine when they are set. Exits with the engine's status.

cd "$(dirname "$0")/.." && source Scripts/common.sh

START_TIMEOUT_S=20
STOP_TIMEOUT_S=10

Scripts/build.sh

runtime=$(mktemp -d /tmp/coxswain.XXXXXX)
log=$runtime/sidecar.log
sidecar=

stop() {
  if [ -n "$sidecar" ] && kill -TERM "$sidecar" 2>/dev/null; then
    for ((i = 0; i < STOP_TIMEOUT_S * 10; i++)); do
      kill -0 "$sidecar" 2>/dev/null || break
      sleep 0.1
    done
    if kill -KILL "$sidecar" 2>/dev/null; then say "the sidecar did not stop within $STOP_TIMEOUT_S s and was killed"; fi
    wait "$sidecar" 2>/dev/null || true
  fi
  sidecar=
  rm -rf "$runtime"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start() {
  .build/release/coxswain serve --runtime-dir "$runtime" 2>"$log" &
  sidecar=$!
  for ((i = 0; i < START_TIMEOUT_S * 20; i++)); do
    [ -S "$runtime/engine.sock" ] && return 0
    kill -0 "$sidecar" 2>/dev/null || break
    sleep 0.05
  done
  cat "$log" >&2
  fail "the sidecar did not open its socket"
}

start
export COXSWAIN_RUNTIME_DIR=$runtime
status=0
.build/release/coxswain engine ${TRACE:+--trace "$TRACE"} ${PROFILE:+--profile "$PROFILE"} || status=$?
if [ "$status" -ne 0 ]; then
  say "the engine ended with status $status; last lines of the sidecar:"
  tail -n 5 "$log" >&2
fi
exit "$status"
