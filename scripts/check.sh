#!/usr/bin/env bash
# `make check`: what reviewing should not have to find: format, lints, docs, licences, scripts.
cd "$(dirname "$0")/.." && . scripts/lib.sh

DENY=0.20 # the settings in deny.toml are written for this one

say "format"
cargo fmt --all --check
say "lints"
cargo clippy --locked --all-targets -- -D warnings
say "documentation"
# Private items are documented too, so links to them lead somewhere; help texts show their URLs as they are.
RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links -A rustdoc::bare_urls" cargo doc --locked --no-deps --document-private-items --quiet
say "licences and sources of the dependencies"
if ! have cargo-deny; then
    say "installing cargo-deny (once; takes some minutes)"
    cargo install cargo-deny --locked --version "^$DENY"
fi
cargo deny --workspace --all-features check --hide-inclusion-graph licenses bans sources
say "wrong input"
FUZZ_SECONDS=10 scripts/fuzz.sh
say "scripts"
for script in scripts/*.sh .ci/run; do bash -n "$script"; done
if have shellcheck; then shellcheck -x -S warning scripts/*.sh .ci/run; fi
