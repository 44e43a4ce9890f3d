#!/usr/bin/env bash
# `make sim`: plays random operations on the simulated fleet, 10,000 seeds or as many as the first argument
# says. `make test` plays fifty. RANCHETTE_SIM_SEED=n plays one seed again.
cd "$(dirname "$0")/.." && . scripts/lib.sh

scripts/install-deps.sh run
export RANCHETTE_SIM_SEEDS=${1:-10000}
exec cargo test --locked --profile bench --test it -- --nocapture sim::random sim::a_seed
