# make demo    a whole local network, used for real, with a pass/fail summary
# make test    every check: style, types, layers, unit and integration tests
# make quick   what concerns the changed files, in under a minute
# make test-long  tests that take minutes, or a package that not everybody has; it lists what it left out
# make mutants put known mistakes into copies of the code, one at a time: does a test find each of them?
# make bench   measure, and write build/bench/network.json; make bench-simulations likewise
# make help    this list
# Each target does its own set-up, in .venv.

.PHONY: help setup demo test quick test-long lint types unit native mutants bench format clean

python = .venv/bin/python
# How many processes share the tests. With more than the machine has processors, tests that measure time may fail.
WORKERS ?= 2
# Without their compiled form, each process that a test starts would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

setup:
	@./bootstrap.sh

demo: setup
	@.venv/bin/loopixmix demo

test: setup lint types native unit

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
	$(python) -m pytest -q -m long

native: setup
	@if ! command -v cargo >/dev/null; then echo "no Rust toolchain: the native engine's own tests are left out"; \
	else cd native && cargo test --quiet --no-default-features \
	&& { ! cargo fmt --version >/dev/null 2>&1 || cargo fmt --check; } \
	&& { ! cargo clippy --version >/dev/null 2>&1 || cargo clippy --quiet --no-default-features --all-targets -- -D warnings; }; fi

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
