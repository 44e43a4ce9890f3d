#!/usr/bin/env bash
# `make chaos`: kills the server at random moments while stacks change on real Docker, 100 times or
# as often as the first argument says. `make test` does the same with ten kills.
cd "$(dirname "$0")/.." && . scripts/lib.sh

scripts/install-deps.sh run
export RANCHETTE_TEST_CHAOS_KILLS=${1:-100}
exec cargo test --locked --profile bench --test it chaos -- --nocapture --test-threads=1
