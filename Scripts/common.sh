# Shared by the scripts of this folder; sourced, with the repository's root as working directory.

set -euo pipefail

JOBS=${JOBS:-2}

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "error: $*"
  exit 1
}

# The Python that has jsonschema: the first on the path, or the system's own where a virtual environment hides it.
find_python() {
  local candidate
  for candidate in "${COXSWAIN_PYTHON:-python3}" /usr/bin/python3; do
    if "$candidate" -c 'import jsonschema' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}
