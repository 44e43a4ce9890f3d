#!/usr/bin/env bash
# `make golden`: rewrites every golden file and inline expectation from what the code does now.
# Review the difference before you commit it: these files are promises.
cd "$(dirname "$0")/.." && . scripts/lib.sh

UPDATE_EXPECT=1 cargo test --locked --lib --quiet
UPDATE_EXPECT=1 cargo test --locked --test it --quiet -- golden tidy::docs the_document_shows_the_table
cargo fmt
git --no-pager diff --stat
