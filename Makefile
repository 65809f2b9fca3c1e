# Needs Python 3.11 or newer and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOOPBACK := $(BIN)/python -m synth_assets.storage.loopback .local-aws

# Dagster's own commands point to `dg` by a FutureWarning at every start.
export PYTHONWARNINGS := ignore::FutureWarning

.PHONY: run ui test check bench realism audit clean

run: $(VENV)/run.installed  ## One day of a million payments: made, checked, landed in a local S3.
	@$(LOOPBACK) $(BIN)/synth-assets --s3 yes
	@echo "The object is kept in .local-aws. See the run, its metadata and its checks: make ui"

ui: $(VENV)/run.installed  ## Dagster's UI, with the local S3 and SSM beside it.
	@$(LOOPBACK) $(BIN)/dagster dev

test: $(VENV)/dev.installed  ## The whole test suite.
	$(BIN)/python -m pytest

check: $(VENV)/dev.installed  ## Lint, format and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/dev.installed  ## What is fast, measured.
	$(BIN)/python -m benchmarks

realism: $(VENV)/dev.installed  ## What can be learned from the realistic profile, measured.
	$(BIN)/python -m benchmarks.realism

audit:  ## Known vulnerabilities of the pinned libraries. Asks the network, so it is no part of check.
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.10,<3'
	$(VENV)/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

clean:  ## Everything that was installed or made, but for outputs and history.
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

# pip compiles what it installs; our own package is compiled here. Bytecode halves Dagster's start.
$(VENV)/run.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[ui,local]'
	$(BIN)/python -m compileall -q synth_assets
	@touch $@

$(VENV)/dev.installed: $(VENV)/run.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[ui,local,dev]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
