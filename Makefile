# Needs Python 3.11 or newer and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCAL := $(BIN)/synth-assets local --

# uv where there is one, otherwise pip: the same pins, and bytecode compiled, which halves Dagster's start.
UV := $(shell command -v uv)
UV_INSTALL := $(UV) pip install --quiet --python $(BIN)/python --compile-bytecode
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALL := $(if $(UV),$(UV_INSTALL),$(PIP_INSTALL)) --constraint constraints.txt --editable

# Dagster's own commands point to `dg` by a FutureWarning at every start.
export PYTHONWARNINGS := ignore::FutureWarning

# Without it, `dagster dev` says that its storage is a temporary directory, though dagster.yaml keeps the history.
run ui: export DAGSTER_HOME ?= $(CURDIR)

.DEFAULT_GOAL := help
.PHONY: help run ui test check bench realism readers screenshots audit clean

help:  ## List these targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/run.installed  ## Make a day of a million payments, check it, and upload it to a local S3.
	@$(LOCAL) $(BIN)/synth-assets --s3 yes
	@echo "The object is kept in .local-aws. See the run, its metadata and its checks: make ui"

ui: $(VENV)/ui.installed  ## Start Dagster's UI on http://127.0.0.1:3000, with a local S3 and SSM.
	@$(LOCAL) $(BIN)/dagster dev

test: $(VENV)/dev.installed  ## Run the whole test suite.
# The tests start hundreds of processes, which need not compile the package where PYTHONDONTWRITEBYTECODE is set. Four
# files at once, on two cores too: half of a run's time is waiting for other processes.
	$(BIN)/python -m compileall -q synth_assets
	$(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

check: $(VENV)/dev.installed  ## Lint, and check the format and the types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/dev.installed  ## Measure speed and memory beside peers (12 minutes).
	$(BIN)/python -m benchmarks

realism: $(VENV)/dev.installed  ## Measure what a model can learn from the realistic profile (8 minutes).
	$(BIN)/python -m benchmarks.realism

readers: $(VENV)/dev.installed  ## Install readers of Parquet, old and new, and print which of them read the files.
	$(BIN)/python -m benchmarks.readers

screenshots: $(VENV)/dev.installed  ## Take the README's pictures of the UI and of a report anew, in Chromium.
	SCREENSHOTS=docs/images $(BIN)/python -m pytest tests/test_browser.py tests/test_day_report_browser.py -k 'lineage or window'

audit:  ## Look up the pinned libraries for known vulnerabilities. It asks the network, so check does not do it.
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.10,<3'
	$(VENV)/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

clean:  ## Remove what was installed and cached. Outputs and history stay.
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

# Each target installs what it needs. What is installed is compiled; our own package, which stays here, is not.
$(VENV)/run.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) '.[local]'
	$(BIN)/python -m compileall -q synth_assets
	@touch $@

$(VENV)/ui.installed: $(VENV)/run.installed
	$(INSTALL) '.[ui,local]'
	@touch $@

$(VENV)/dev.installed: $(VENV)/ui.installed
	$(INSTALL) '.[ui,local,dev]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
