# Every target is a script; CONTRIBUTING.md says what each one does.
.PHONY: run test check bench chaos fuzz sim golden schemathesis

run: ; @scripts/run.sh
test: ; @scripts/test.sh
check: ; @scripts/check.sh
bench: ; @scripts/bench.sh
chaos: ; @scripts/chaos.sh
fuzz: ; @scripts/fuzz.sh
sim: ; @scripts/sim.sh
golden: ; @scripts/golden.sh
schemathesis: ; @scripts/schemathesis.sh
