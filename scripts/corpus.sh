#!/usr/bin/env bash
# `scripts/corpus.sh`: has Docker Compose (version 2) read every file of tests/corpus and writes down what it
# makes of them: `config.json` beside each, and the sums of what was read. `COMPOSE` says how it is called.
cd "$(dirname "$0")/.." && . scripts/lib.sh

COMPOSE=${COMPOSE:-docker compose}
root=/srv/corpus # what the tests expect in the paths of the answers
[ ! -e "$root" ] || die "$root exists; it is where the files are read, and is removed afterwards"
read -ra compose <<<"$COMPOSE"
"${compose[@]}" version >/dev/null 2>&1 || die "\`$COMPOSE\` does not answer; COMPOSE=... says how to call Docker Compose 2"

trap 'rm -rf "$root"' EXIT
cp -r tests/corpus "$root"
for folder in "$root"/*/; do
    name=$(basename "$folder")
    (cd "$folder" && rm -f config.json && env -i PATH="$PATH" HOME=/home/ana "${compose[@]}" config --format json) \
        >"target/corpus.json" 2>target/corpus.log || { cat target/corpus.log >&2; die "$name is not taken"; }
    mv target/corpus.json "tests/corpus/$name/config.json"
done
(cd tests/corpus && find . -mindepth 2 -type f ! -name config.json -printf '%P\n' | LC_ALL=C sort |
    xargs -d '\n' sha256sum >SHA256SUMS)
say "read by $("${compose[@]}" version --short)"
