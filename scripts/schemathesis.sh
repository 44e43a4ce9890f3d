#!/usr/bin/env bash
# `make schemathesis`: asks everything that the OpenAPI documents describe, many times over, and compares
# the answers: `scripts/schemathesis.sh EXAMPLES SEED`. `make test` does the same with few examples.
cd "$(dirname "$0")/.." && . scripts/lib.sh

scripts/install-deps.sh test
export RANCHETTE_TEST_PYTHON=$PWD/target/venv/bin/python
export RANCHETTE_TEST_EXAMPLES=${1:-20}
export RANCHETTE_TEST_SEED=${2:-$RANDOM}
say "examples: $RANCHETTE_TEST_EXAMPLES, seed: $RANCHETTE_TEST_SEED"
exec cargo test --locked --test it described:: -- --nocapture --test-threads=1
