#!/usr/bin/env bash
# `make test`: everything, from a clean clone, with nothing running beforehand. Arguments go to
# `cargo test`, for example `scripts/test.sh config::`. The last line says how many tests ran.
cd "$(dirname "$0")/.." && . scripts/lib.sh

scripts/install-deps.sh test
export RANCHETTE_TEST_PYTHON=$PWD/target/venv/bin/python

say "checking the format"
cargo fmt --check

say "building"
cargo build --locked --all-targets

say "testing"
# What a test prints says what is wrong; frames of the runtime would push it out of sight.
export RUST_BACKTRACE=0
log=target/test.log
status=0
cargo test --locked --no-fail-fast "$@" 2>&1 | tee "$log" || status=$?

# Each test binary ends with "test result: ok. 12 passed; 0 failed; ...".
read -r passed failed < <(awk '/^test result: / {
    for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1) }
} END { print p + 0, f + 0 }' "$log")

# The reasons once more at the end, where they are looked for.
if [ "$status" != 0 ]; then
    awk '/^---- .* ----$/ { on = 1 } /^failures:$/ { on = 0 } on' "$log" | tail -n 80
    grep -E '^test .* FAILED$' "$log" || true
fi
echo "$passed passed, $failed failed"
[ "$passed" -gt 0 ] || status=1
[ "$failed" = 0 ] || status=1
exit "$status"
