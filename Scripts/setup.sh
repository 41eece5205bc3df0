#!/usr/bin/env bash
# Installs the system packages that are missing, those named as arguments among them. Changes nothing when all are
# there.

cd "$(dirname "$0")/.." && source Scripts/common.sh

# libnuma: NUMA nodes and distances (shim). libhwloc, libcjson: topology (coxswain-probe). glpk-utils: glpsol, which
# solves the linear programs of the time-indexed bound. python3-jsonschema: the judge of schemas and messages.
# tmux: the terminal in which tests look at coxswain top.
# python3-yaml: the tests of Deploy/, which install what else they need (systemd, prometheus, mmdebstrap, lintian, ...).
PACKAGES=(libnuma-dev libhwloc-dev libcjson-dev python3 python3-yaml glpk-utils tmux)
SWIFT_MIN=6.2

has_package() { [ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" = 'install ok installed' ]; }

missing() {
  local package
  for package in "${PACKAGES[@]}" "$@"; do
    has_package "$package" || printf '%s\n' "$package"
  done
  find_python >/dev/null || printf 'python3-jsonschema\n'
}

install() {
  command -v apt-get >/dev/null || fail "missing: $*. Only Debian's apt-get is known here; install what they are called"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "missing: $*. Run as root: apt-get install $*"
    sudo=(sudo)
  fi
  say "installing $*"
  "${sudo[@]}" apt-get update -qq >&2 || say "apt-get update failed; trying with the lists that are there"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 \
    || fail "could not install $*"
}

require_swift() {
  command -v swift >/dev/null \
    || fail "no swift on the path: Swift $SWIFT_MIN or later is needed, see https://www.swift.org/install"
  local version
  version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
  [ "$(printf '%s\n%s\n' "$SWIFT_MIN" "$version" | sort -V | head -n 1)" = "$SWIFT_MIN" ] \
    || fail "Swift $version is on the path; $SWIFT_MIN or later is needed"
}

mapfile -t needed < <(missing "$@")
[ "${#needed[@]}" -eq 0 ] || install "${needed[@]}"
find_python >/dev/null || fail "no python3 can import jsonschema; set COXSWAIN_PYTHON to one that can"
require_swift
