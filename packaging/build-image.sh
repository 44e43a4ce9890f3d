#!/usr/bin/env bash
# Builds the image ranchette/ranchette:latest around a static binary. No registry is needed.
cd "$(dirname "$0")/.." && . scripts/lib.sh

target=$(uname -m)-unknown-linux-gnu
have docker || die "docker is missing; run scripts/install-deps.sh"

# glibc can be linked statically here: nothing in the server looks users or plug-ins up through it,
# and names are resolved by the C library's built-in resolver.
say "building a static binary"
RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" cargo build --release --locked --target "$target"

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "$TARGET/$target/release/ranchette" packaging/Dockerfile "$context/"
docker -H "$ENGINE" build --tag ranchette/ranchette:latest "$context" >&2
