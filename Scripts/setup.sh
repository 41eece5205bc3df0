#!/bin/sh
# Installs the Debian packages that building and testing need; does nothing when they are there.
set -eu

packages="libnuma-dev libhwloc-dev libcjson-dev pkg-config python3 python3-jsonschema"
missing=""
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
done
if [ -n "$missing" ]; then
  as_root=""
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "setup: these packages are missing, and there is neither root nor sudo to install them:$missing" >&2
      exit 1
    }
    as_root="sudo"
  fi
  echo "setup: installing$missing"
  $as_root apt-get update -qq
  # shellcheck disable=SC2086 # one word per package
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
command -v swift >/dev/null || {
  echo "setup: no swift in PATH; install Swift 6.2 or later from swift.org" >&2
  exit 1
}
