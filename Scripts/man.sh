#!/usr/bin/env bash
# Man pages and shell completions, made by the executable's own parser.
#
#   man.sh EXECUTABLE MAN_FOLDER COMPLETIONS_FOLDER
#
# Without arguments: of the release build, into .build/man and .build/completions.

cd "$(dirname "$0")/.." && source Scripts/common.sh

executable=${1:-$PWD/.build/release/coxswain}
pages=${2:-$PWD/.build/man}
completions=${3:-$PWD/.build/completions}
[ -x "$executable" ] || fail "no executable at $executable; run Scripts/build.sh"
date=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}" +%Y-%m-%d)

python3 Scripts/man.py "$executable" "$pages" --date "$date"
cp Deploy/man/*.1 "$pages/"
mkdir -p "$completions"
# It is sourced, never run.
"$executable" --generate-completion-script bash | sed '1{/^#!/d}' >"$completions/coxswain.bash"
"$executable" --generate-completion-script zsh >"$completions/_coxswain"
"$executable" --generate-completion-script fish >"$completions/coxswain.fish"
