#!/usr/bin/env bash
# Release build of the two executables.

cd "$(dirname "$0")/.." && source Scripts/common.sh

for product in coxswain coxswain-probe; do
  swift build -c release -j "$JOBS" --product "$product" >&2
done
