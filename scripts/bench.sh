#!/usr/bin/env bash
# `make bench`: prints the table of speed, memory and scale. Needs a Docker Engine.
cd "$(dirname "$0")/.." && . scripts/lib.sh

scripts/install-deps.sh run
scripts/docker.sh
cargo build --release --locked
exec cargo bench --locked "$@"
