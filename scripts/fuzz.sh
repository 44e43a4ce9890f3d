#!/usr/bin/env bash
# `make fuzz`: each fuzz target for FUZZ_SECONDS (300) on top of what earlier runs found; a crash, a
# panic, an input that takes long or more than 200 MB fails. `scripts/fuzz.sh TARGET..` runs some of
# them; `make check` runs all for a few seconds. What fails is left in fuzz/artifacts/TARGET; put it
# into fuzz/seeds/TARGET when it is mended, so that every later run begins with it.
cd "$(dirname "$0")/.." && . scripts/lib.sh

FUZZ=0.13 # cargo-fuzz
SECONDS_EACH=${FUZZ_SECONDS:-300}

if ! cargo fuzz --version >/dev/null 2>&1; then
    say "installing cargo-fuzz (once)"
    cargo install cargo-fuzz --locked --version "^$FUZZ"
fi
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(body compose filter websocket)

have c++ || die "a C++ compiler is missing (Debian: g++); the fuzzer is written in it"
say "building the fuzz targets"
# A stable compiler has no sanitizers; panics, overflows and memory are watched without. Not the release
# profile: that would take half an hour, and leave assertions out.
export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_INCREMENTAL=0
cargo fuzz build --dev --sanitizer none
for target in "${targets[@]}"; do
    corpora=("fuzz/corpus/$target" "fuzz/seeds/$target")
    [ "$target" != compose ] || corpora+=(src/compose/tests/fixtures)
    say "fuzzing $target for $SECONDS_EACH s"
    mkdir -p "${corpora[@]}"
    cargo fuzz run --dev --sanitizer none "$target" "${corpora[@]}" -- \
        -max_total_time="$SECONDS_EACH" -rss_limit_mb=200 -timeout=20 -max_len=8192 -verbosity=0 \
        -print_final_stats=1
done
