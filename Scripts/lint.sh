#!/usr/bin/env bash
# What can be judged without building: formatting of Swift, syntax of shell and Python, schemas and their examples.

cd "$(dirname "$0")/.." && source Scripts/common.sh

python=$(find_python) || fail "no python3 can import jsonschema; run make setup"
swift format lint --strict --parallel --recursive Package.swift Sources Tests
for script in Scripts/*.sh Tests/Deploy/*.sh Deploy/debian/{postinst,prerm,postrm} .ci/run; do bash -n "$script"; done
"$python" - <<'CHECK'
import ast
import pathlib

for folder in ("Clients", "Scripts", "Tests"):
    for path in sorted(pathlib.Path(folder).rglob("*.py")):
        ast.parse(path.read_text(encoding="utf-8"), str(path))
CHECK
"$python" Scripts/judge.py schemas
