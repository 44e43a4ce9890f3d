#!/usr/bin/env bash
# `make bench`: prints the table of speed, memory and scale. Needs a Docker Engine.
# One bench only: `scripts/bench.sh --bench scale`. Fewer runs: RANCHETTE_BENCH_RUNS=1.
cd "$(dirname "$0")/.." && . scripts/lib.sh

scripts/install-deps.sh run
scripts/docker.sh
cargo build --release --locked
# `cargo bench` makes a binary of its own profile in the place of the release build.
cp "$TARGET/release/ranchette" "$TARGET/ranchette-bench"
RANCHETTE_BENCH_BINARY=$(realpath "$TARGET/ranchette-bench")
RANCHETTE_BENCH_DOCKER=${RANCHETTE_BENCH_DOCKER:-$ENGINE}
export RANCHETTE_BENCH_BINARY RANCHETTE_BENCH_DOCKER
RANCHETTE_BENCH_TABLE=$(realpath "$TARGET")/bench.txt
export RANCHETTE_BENCH_TABLE
: >"$RANCHETTE_BENCH_TABLE"

# Every bench is run, also after one that missed a target: the table at the end has every row.
outcome=0
cargo bench --locked --no-fail-fast "$@" || outcome=$?
say "the table ($(nproc) cores)"
cat "$RANCHETTE_BENCH_TABLE"
missed=$(grep -c 'missed$' "$RANCHETTE_BENCH_TABLE" || true)
say "$missed of $(wc -l <"$RANCHETTE_BENCH_TABLE") rows missed their target"
exit "$outcome"
