#!/usr/bin/env bash
# Fetches the official JSON Schema test suite, which comes with the source of the Python package jsonschema, and prints
# the folder of its 2020-12 tests. Exit code 75 when it can not be had here.

cd "$(dirname "$0")/.." && source Scripts/common.sh

VERSION=4.26.0
suite=.build/json-schema-suite
tests=$PWD/$suite/jsonschema-$VERSION/json/tests/draft2020-12

if [ ! -f "$tests/type.json" ]; then
  mkdir -p "$suite"
  python3 -m pip download -q --disable-pip-version-check --no-deps --no-binary :all: -d "$suite" \
    "jsonschema==$VERSION" >&2 || exit 75
  tar -xzf "$suite/jsonschema-$VERSION.tar.gz" -C "$suite" || exit 75
fi
[ -f "$tests/type.json" ] || exit 75
printf '%s\n' "$tests"
