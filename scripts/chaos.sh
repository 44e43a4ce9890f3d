#!/usr/bin/env bash
# `make chaos`: for seven minutes, or as many seconds as the first argument says, the server and containers
# are killed and Docker is restarted while stacks change; what is left has three minutes to come to rest.
# `make test` does ten rounds of it. RANCHETTE_TEST_CHAOS_SEED repeats the choices of a run.
cd "$(dirname "$0")/.." && . scripts/lib.sh

scripts/install-deps.sh run
export RANCHETTE_TEST_CHAOS_ROUNDS=100000 RANCHETTE_TEST_CHAOS_SECONDS=${1:-420}
exec cargo test --locked --profile bench --test it chaos -- --nocapture --test-threads=1
