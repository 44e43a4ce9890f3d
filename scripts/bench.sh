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
# Every bench is run, also after one that missed a target.
exec cargo bench --locked --no-fail-fast "$@"
