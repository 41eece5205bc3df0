#!/usr/bin/env bash
# Tests of Deploy/: units, package, man pages, Prometheus, container and Kubernetes manifests. Parts whose programs
# cannot be installed here are skipped with a line that says so. Exit status 75 when nothing can run: no PyYAML.

cd "$(dirname "$0")/.." && source Scripts/common.sh

SKIPPED=75

for python in "${COXSWAIN_PYTHON:-python3}" python3 /usr/bin/python3; do
  if "$python" -c 'import yaml' 2>/dev/null; then
    exec "$python" -W ignore::ResourceWarning -m unittest discover -s Tests/Deploy -t Tests/Deploy
  fi
done
say "*** SKIPPED: the tests of Deploy/ did not run: no python3 can import yaml (Debian package python3-yaml)"
exit "$SKIPPED"
