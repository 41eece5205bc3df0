#!/usr/bin/env bash
# The main job: a sidecar in a directory of its own, and the reference engine against it over the socket.
# $TRACE, $PROFILE and $ENGINE_OPTIONS go to the engine, $POLICY to the sidecar, when they are set. Exits with the
# engine's status, or 1 when the sidecar did not stop cleanly.

cd "$(dirname "$0")/.." && source Scripts/common.sh

START_TIMEOUT_S=20
STOP_TIMEOUT_S=10

Scripts/build.sh

runtime=$(mktemp -d -t coxswain.XXXXXX)
log=$runtime/sidecar.log
sidecar=

# On every way out: the sidecar gets SIGTERM, then SIGKILL if it does not stop in time.
stop() {
  local status=$?
  trap - EXIT INT TERM
  if [ -n "$sidecar" ]; then
    kill -TERM "$sidecar" 2>/dev/null || true
    for ((i = 0; i < STOP_TIMEOUT_S * 10; i++)); do
      kill -0 "$sidecar" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$sidecar" 2>/dev/null || true
    if ! wait "$sidecar"; then
      say "the sidecar did not stop cleanly; its log:"
      cat "$log" >&2
      [ "$status" -ne 0 ] || status=1
    fi
  fi
  rm -rf "$runtime"
  exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start() {
  .build/release/coxswain serve ${POLICY:+--policy "$POLICY"} --runtime-dir "$runtime/sockets" 2>"$log" &
  sidecar=$!
  for ((i = 0; i < START_TIMEOUT_S * 20; i++)); do
    [ -S "$runtime/sockets/engine.sock" ] && return 0
    kill -0 "$sidecar" 2>/dev/null || break
    sleep 0.05
  done
  cat "$log" >&2
  local status=1
  if ! kill -0 "$sidecar" 2>/dev/null; then
    wait "$sidecar" || status=$?
    sidecar=
  fi
  say "error: the sidecar did not open its socket"
  exit "$status"
}

start
export COXSWAIN_RUNTIME_DIR=$runtime/sockets
# shellcheck disable=SC2086  # ENGINE_OPTIONS is a list of words
.build/release/coxswain engine ${TRACE:+--trace "$TRACE"} ${PROFILE:+--profile "$PROFILE"} ${ENGINE_OPTIONS:-}
