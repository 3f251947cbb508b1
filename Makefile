# Every target makes the virtual environment and installs what it needs when that is missing.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash

# The exact versions the tests ran with, for the Python they ran on; other Pythons resolve from pyproject.toml.
TESTED := $(shell $(PYTHON) -c 'import sys; print("-c requirements/tested.txt" if sys.version_info[:2] == (3, 11) else "")')
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(TESTED)

DEMO := $(VENV)/.installed-demo
DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint format serve train-demo gpu-check bench clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(DEMO) ## Two photographs through both ensembles on the real Triton server; pictures land in demo-output/
	$(BIN)/wrinkle assets fetch
	$(BIN)/python examples/demo.py --out demo-output

serve: $(DEMO) ## Serve both ensembles on this machine until Ctrl-C
	$(BIN)/wrinkle assets fetch
	$(BIN)/wrinkle serve

test: $(DEV) ## Every test but the slow and GPU ones
	$(BIN)/wrinkle assets fetch
	$(BIN)/python -m pytest

test-slow: $(DEV) ## The slow tests: landmark parity in an environment of its own, long training
	$(BIN)/python -m pytest -m slow

lint: $(DEV) ## Read-only checks: style, types, generated files, version
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m wrinkle_export.generate --check
	$(BIN)/python tests/check_version.py

format: $(DEV) ## Rewrite: imports, layout, generated files
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .
	$(BIN)/python -m wrinkle_export.generate --write

train-demo: $(DEV) ## Train a tiny network on rendered wrinkles in a few minutes, from ../shared/data
	$(BIN)/wrinkle assets fetch
	$(BIN)/wrinkle train train/recipes/tiny-unetpp.yaml --data ../shared/data --out runs/train-demo

gpu-check: $(DEV) ## Build, run and compare plans on this machine's GPU; see docs/gpu-checklist.md
	$(BIN)/python -c 'import tensorrt' || $(BIN)/python -m pip install -e '.[tensorrt]'
	$(BIN)/python -m pytest -m gpu tests/export/tensorrt/test_gpu.py

bench: $(DEV) ## Where the time goes on this machine; figures land in bench/results/
	$(BIN)/wrinkle assets fetch
	$(BIN)/python -m wrinkle_bench.overhead --out bench/results

clean: ## Remove environments, caches and outputs
	rm -rf $(VENV) build dist demo-output runs .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) tests/check_platform.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25'

$(DEMO): pyproject.toml requirements/tested.txt | $(BIN)/python
	$(PIP) -e '.[demo]'
	@touch $@

# PyTorch first and by itself, so that one resolution decides its build.
$(DEV): pyproject.toml requirements/tested.txt | $(BIN)/python
	$(PIP) torch torchvision
	$(PIP) -e '.[dev]'
	@touch $@ $(DEMO)
