# make help       prints this list (a moment)
# make setup      makes .venv with everything; all targets below but the last do it first (minutes, once)
# make demo       runs a whole network on this machine, uses it for real, and says whether all was well (half a minute)
# make quick      checks the changed files: style, types, layers, and the tests that concern them (under a minute)
# make test       checks everything: style, types, the Rust crate, layers, unit and integration tests (a quarter of an hour)
# make lint       checks style only (seconds)
# make types      checks types only (a minute)
# make native     checks the Rust crate only (a minute)
# make unit       runs the tests in Python only (most of it)
# make test-long  runs the tests that take minutes, or need a package that not everybody has (up to an hour)
# make chaos      sets clocks, fills disks, kills and floods real processes: is anything lost? (a quarter of an hour)
# make mutants    puts known mistakes into copies of the code, one at a time: does a test find each? (an hour)
# make bench      measures this machine: build/bench/network.json; make bench-simulations and make bench-services likewise (minutes)
# make format     formats the code, and repairs what the linter can repair (seconds)
# make clean      removes .venv and all that was built (a moment)

.PHONY: help setup demo quick test lint types native unit test-long chaos mutants bench format clean

# Without -P, a module that lies in the directory would be taken for an installed one.
python = .venv/bin/python -P
# Trials of `make chaos` that stand elsewhere: programs of every kind are killed.
kill_trials = $(addprefix tests/integration/test_,client_kill.py bulk_kill.py provider_kill.py request_kill.py \
	collector.py respondent_kill.py board.py mail_kills.py)
# How many processes share the tests. With more than the machine has processors, tests that measure time may fail.
WORKERS ?= 2
# The same for the long ones: none share them by default, as some hold elections and surveys that are open for seconds.
LONG_WORKERS ?= 0
# Without their compiled form, each process that a test starts would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

setup:
	@./bootstrap.sh

demo: setup
	@.venv/bin/loopixmix demo

# The types and the crate take a processor each, so that they are checked at the same time.
test: setup
	@$(MAKE) --no-print-directory --jobs $(WORKERS) --output-sync=target lint types native
	@$(MAKE) --no-print-directory unit

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: setup
	.venv/bin/mypy
	.venv/bin/mypy tests/mutants/run.py tests/quick.py

unit: setup
	$(python) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

quick: setup
	@$(python) tests/quick.py

test-long: setup
	$(python) -m pytest -q -n $(LONG_WORKERS) --dist loadfile --no-loadscope-reorder -m long

native: setup
	@if ! command -v cargo >/dev/null; then echo "no Rust toolchain: the native engine's own tests are left out"; \
	else cd native && cargo test --quiet --no-default-features \
	&& { ! cargo fmt --version >/dev/null 2>&1 || cargo fmt --all --check; } \
	&& { ! cargo clippy --version >/dev/null 2>&1 || cargo clippy --quiet --no-default-features --all-targets -- -D warnings; }; fi

chaos: setup
	CHAOS_VERDICT=build/chaos.json $(python) -m pytest -q -m '' tests/chaos $(kill_trials)

mutants: setup
	@$(python) tests/mutants/run.py

bench: setup
	@$(python) -m benchmarks network

bench-%: setup
	@$(python) -m benchmarks $*

format: setup
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean:
	rm -rf .venv build native/target .mypy_cache .ruff_cache .pytest_cache .hypothesis
