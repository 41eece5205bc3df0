#!/usr/bin/env bash
# A Debian package of the release build, in .build/deb. Swift's runtime is linked in: it needs nothing but Debian;
# executables that were linked otherwise bring its libraries along.
#
#   COXSWAIN_BUILD=FOLDER   take coxswain and coxswain-probe from there instead of building them
#   COXSWAIN_DEB=FOLDER     leave the package there (default .build/deb)
#   DEBFULLNAME, DEBEMAIL   who maintains it
#
# The version is that of the executable. A commit that is not tagged with it sorts before it:
# 0.1.0~20260131080509.1a2b3c4. The same commit and executables give the same bytes.

cd "$(dirname "$0")/.." && source Scripts/common.sh

STRIP=(--strip-all --remove-section=.comment --remove-section=.note)
maintainer="${DEBFULLNAME:-Coxswain maintainers} <${DEBEMAIL:-maintainers@coxswain.invalid}>"
output=${COXSWAIN_DEB:-$PWD/.build/deb}
# Clear of the caller's umask: modes in the package are those named here.
umask 022

need() {
  local program=$1 package=$2
  command -v "$program" >/dev/null || fail "$program is missing: apt-get install $package"
}

# In a folder of its own: linking otherwise would compile everything anew, here and at the next make run.
build() {
  local product
  local options=(-c release --static-swift-stdlib --scratch-path .build/static)
  for product in coxswain coxswain-probe; do
    swift build "${options[@]}" -j "$JOBS" --product "$product" >&2
  done
  swift build "${options[@]}" --show-bin-path
}

# Time of the commit, else of the newest file: nothing in the package says when it was built.
source_date() {
  git log -1 --format=%ct 2>/dev/null || find Deploy Sources -type f -printf '%Ts\n' | sort -n | tail -n 1
}

package_version() {
  local number=$1
  if ! git rev-parse --quiet --verify HEAD >/dev/null 2>&1 || [ "$(git tag --points-at HEAD)" = "v$number" ]; then
    printf '%s\n' "$number"
  else
    printf '%s~%s.%s\n' "$number" "$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)" \
      "$(git rev-parse --short=7 HEAD)"
  fi
}

put() { install -D -m "$1" "$2" "$root/$3"; }

# Shared libraries of Swift that an executable needs, by path; none when its runtime is linked in.
swift_libraries() { ldd "$1" | sed -nE 's|.* => (/[^ ]*/swift/linux/[^ ]+) .*|\1|p'; }

# An executable that needs Swift's libraries goes with them into a folder of its own, where its $ORIGIN finds them.
put_executables() {
  local name library folder=usr/bin
  [ -z "$(swift_libraries "$build/coxswain")" ] || folder=usr/lib/coxswain
  for name in coxswain coxswain-probe; do
    put 755 "$build/$name" "$folder/$name"
    strip "${STRIP[@]}" "$root/$folder/$name"
    for library in $(swift_libraries "$build/$name"); do
      put 644 "$library" "$folder/${library##*/}"
      strip --strip-unneeded "$root/$folder/${library##*/}"
    done
    [ "$folder" = usr/bin ] || { mkdir -p "$root/usr/bin" && ln -s "../lib/coxswain/$name" "$root/usr/bin/$name"; }
  done
}

put_files() {
  local file
  for file in Schemas/*.json; do put 644 "$file" "usr/share/coxswain/schemas/${file##*/}"; done
  for file in Policies/*.json; do put 644 "$file" "usr/share/coxswain/policies/${file##*/}"; done
  for file in Profiles/*.json; do put 644 "$file" "usr/share/coxswain/profiles/${file##*/}"; done
  for file in Deploy/prometheus/*.yml Deploy/grafana/*.json Deploy/kubernetes/*.yaml; do
    [ ! -e "$file" ] || put 644 "$file" "usr/share/coxswain/${file#Deploy/}"
  done
  for file in Deploy/systemd/coxswain*.service Deploy/systemd/coxswain*.socket; do
    put 644 "$file" "usr/lib/systemd/system/${file##*/}"
  done
  put 644 Deploy/systemd/coxswain.tmpfiles usr/lib/tmpfiles.d/coxswain.conf
  put 644 Deploy/systemd/coxswain.sysusers usr/lib/sysusers.d/coxswain.conf
  put 644 Deploy/debian/default etc/default/coxswain
  put 644 Deploy/debian/policy.json etc/coxswain/policy.json
  put 644 Deploy/debian/lintian-overrides usr/share/lintian/overrides/coxswain
}

put_documents() {
  local file
  put 644 Deploy/debian/copyright usr/share/doc/coxswain/copyright
  put 644 README.md usr/share/doc/coxswain/README.md
  for file in Docs/*.md; do put 644 "$file" "usr/share/doc/coxswain/Docs/${file##*/}"; done
  printf 'coxswain (%s) unstable; urgency=medium\n\n  * Built from %s.\n\n -- %s  %s\n' "$version" \
    "$(git rev-parse HEAD 2>/dev/null || printf 'a source archive')" \
    "$maintainer" \
    "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$root/usr/share/doc/coxswain/changelog.gz"
  Scripts/man.sh "$build/coxswain" "$work/man" "$work/completions"
  for file in "$work"/man/*.1; do
    mkdir -p "$root/usr/share/man/man1"
    gzip -9n <"$file" >"$root/usr/share/man/man1/${file##*/}.gz"
  done
  put 644 "$work/completions/coxswain.bash" usr/share/bash-completion/completions/coxswain
  put 644 "$work/completions/_coxswain" usr/share/zsh/vendor-completions/_coxswain
  put 644 "$work/completions/coxswain.fish" usr/share/fish/vendor_completions.d/coxswain.fish
}

# Packages and least versions of the libraries that the executables need.
dependencies() {
  mkdir -p "$work/shlibdeps/debian"
  printf 'Source: coxswain\n\nPackage: coxswain\nArchitecture: any\n' >"$work/shlibdeps/debian/control"
  local programs
  mapfile -t programs < <(find "$root/usr/bin" "$root/usr/lib/coxswain" -type f 2>/dev/null)
  # Swift's own libraries belong to no package.
  (cd "$work/shlibdeps" && dpkg-shlibdeps -O --ignore-missing-info -S"$root" "${programs[@]}" 2>"$work/shlibdeps/log") \
    | sed -n 's/^shlibs:Depends=//p' || fail "$(cat "$work/shlibdeps/log")"
}

put_control() {
  local file
  mkdir -p "$root/DEBIAN"
  for file in postinst prerm postrm; do put 755 "Deploy/debian/$file" "DEBIAN/$file"; done
  put 644 Deploy/debian/conffiles DEBIAN/conffiles
  (cd "$root" && find usr etc -type f -print0 | sort -z | xargs -0 md5sum) >"$work/md5sums"
  put 644 "$work/md5sums" DEBIAN/md5sums
  sed -e "s|@VERSION@|$version|" -e "s|@ARCHITECTURE@|$(dpkg --print-architecture)|" \
    -e "s|@INSTALLED_SIZE@|$(du -k --apparent-size -s "$root" | cut -f 1)|" -e "s|@DEPENDS@|$(dependencies)|" \
    -e "s|@MAINTAINER@|$maintainer|" Deploy/debian/control.in >"$work/control"
  put 644 "$work/control" DEBIAN/control
}

need dpkg-shlibdeps dpkg-dev
need strip binutils
need python3 python3
build=${COXSWAIN_BUILD:-$(build)}
number=$("$build/coxswain" version -o json | sed -nE 's/.*"version": *"([^"]+)".*/\1/p')
[ -n "$number" ] || fail "$build/coxswain does not say its version"
SOURCE_DATE_EPOCH=$(source_date)
export SOURCE_DATE_EPOCH
version=$(package_version "$number")
work=$(mktemp -d -t coxswain-deb.XXXXXX)
trap 'rm -rf "$work"' EXIT
root=$work/root

put_executables
put_files
put_documents
put_control
# Times of files are part of the package.
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$output"
package=$output/coxswain_${version}_$(dpkg --print-architecture).deb
dpkg-deb --root-owner-group -Zxz -z2 --build "$root" "$package" >&2
printf '%s\n' "$package"
