# PYTHON names the interpreter that makes .venv: make install PYTHON=python3.12
PYTHON ?= python3
export PYTHON
BIN := .venv/bin
# Processes that tests run in: make test PROCESSES=1. Tests of one file share what is costly to make; files begin
# in the order of tests/conftest.py.
PROCESSES ?= 2
PARALLEL := --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

.PHONY: install quickstart test test-fast test-newest check lock clean

install:            # .venv with everything that running needs, in the locked versions
	@.ci/install

quickstart: install # a real experiment on two CPU cores; says where its report lies
	@$(BIN)/lorr-bench run suites/quickstart.yaml

test:               # every test; those that need an accelerator skip where there is none
	@.ci/install dev
	$(BIN)/python -m pytest $(PARALLEL)

test-fast:          # those that take less than a tenth of a second each, for whoever changes a line
	@.ci/install dev
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not gpu"

test-newest:        # every test with the newest versions that pyproject.toml allows, in .venv-newest
	@.ci/install newest
	-.venv-newest/bin/lorr-bench doctor
	.venv-newest/bin/python -m pytest $(PARALLEL)

lock:               # lock those newest versions
	@.ci/lock

check:              # style, types and import rules
	@.ci/install dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:              # what the targets above made; results stay
	rm -rf .venv .venv-newest build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find lorr_bench adapters tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +
