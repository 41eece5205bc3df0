#!/bin/sh
# Starts a sidecar in a directory of its own, runs the reference engine against it over the socket, and stops it again.
# Usage: run.sh BINDIR POLICY [engine options]
set -eu

bin=$1
policy=$2
shift 2
directory=$(mktemp -d "${TMPDIR:-/tmp}/coxswain-run.XXXXXX")
log="$directory/serve.log"

"$bin/coxswain" serve --policy "$policy" --runtime-dir "$directory/sockets" 2>"$log" &
sidecar=$!

stop() {
  status=$?
  trap - EXIT INT TERM
  kill -TERM "$sidecar" 2>/dev/null || true
  if wait "$sidecar"; then :; else
    echo "run: the sidecar did not stop cleanly; its log:" >&2
    cat "$log" >&2
    [ "$status" -ne 0 ] || status=1
  fi
  rm -rf "$directory"
  exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

waited=0
until [ -S "$directory/sockets/engine.sock" ] && [ -S "$directory/sockets/admin.sock" ]; do
  if ! kill -0 "$sidecar" 2>/dev/null || [ "$waited" -ge 100 ]; then
    echo "run: the sidecar did not start; its log:" >&2
    cat "$log" >&2
    exit 1
  fi
  waited=$((waited + 1))
  sleep 0.1
done

"$bin/coxswain" engine --runtime-dir "$directory/sockets" "$@"
