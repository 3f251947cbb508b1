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

K8S_VENV := .venv-k8s
CHECKOV := $(K8S_VENV)/.installed

WORKERS := $(shell $(PYTHON) -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-slow lint format docs train-demo k8s-check k8s-policy k8s-generate k8s-image-check gpu-check bench gpu-bench scaling-profile scaling-page clean

help: ## Show this list
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(DEMO) ## Two photographs through both ensembles on the real Triton server; pictures land in demo-output/
	$(BIN)/wrinkle assets fetch
	$(BIN)/python examples/demo.py --out demo-output

serve: $(DEMO) ## Serve both ensembles on this machine until Ctrl-C
	$(BIN)/wrinkle assets fetch
	$(BIN)/wrinkle serve

# Most tests run in parallel, a worker more than cores, for many wait for a server; those that measure get the machine to
# themselves. Both parts run, whatever the first says.
test: $(DEV) ## Every test but the slow and GPU ones
	$(BIN)/wrinkle assets fetch
	@status=0; \
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m 'not alone and not slow and not gpu' || status=1; \
	$(BIN)/python -m pytest -m 'alone and not slow and not gpu' || status=1; \
	exit $$status

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

docs: $(DEV) ## Reference of the Python SDK as pages, in build/api
	$(BIN)/python -W error docs/api/build.py build/api

train-demo: $(DEV) ## Train a tiny network on rendered wrinkles in a few minutes, from ../shared/data
	$(BIN)/wrinkle assets fetch
	$(BIN)/wrinkle train train/recipes/tiny-unetpp.yaml --data ../shared/data --out runs/train-demo

k8s-check: $(DEV) k8s-policy ## The Helm chart: lint, schemas of Kubernetes, policies, rules, assertions
	$(BIN)/python -m pytest -m 'not live and not slow' tests/k8s

k8s-policy: $(DEV) $(CHECKOV) ## Only checkov over everything the chart renders
	$(BIN)/python -m chart_checks.policy $(K8S_VENV)/bin/checkov

k8s-generate: $(DEV) ## Rewrite what is made from the chart: its table of values, the Kustomize base
	$(BIN)/python -m chart_checks.generated

k8s-image-check: $(DEV) ## As root, with buildah and podman: build the images on Debian, run the chart's pod and the batch Jobs
	$(BIN)/wrinkle assets fetch
	$(BIN)/python -m pytest -m slow -s tests/k8s/live/test_pod_under_podman.py

gpu-check: $(DEV) ## Build, run and compare plans on this machine's GPU; see docs/gpu-checklist.md
	$(BIN)/python -c 'import tensorrt' || $(BIN)/python -m pip install -e '.[tensorrt]'
	$(BIN)/python -m pytest -m gpu tests/export/tensorrt/test_gpu.py

bench: $(DEV) ## Measure the service on this machine, about three quarters of an hour; figures in bench/results/, the page in docs/performance.md
	$(BIN)/wrinkle assets fetch
	$(BIN)/wrinkle bench ceiling
	$(BIN)/wrinkle bench limits
	$(BIN)/wrinkle bench peers
	$(BIN)/wrinkle bench sweep
	$(BIN)/wrinkle bench steps
	$(BIN)/wrinkle bench startup
	$(BIN)/wrinkle bench gateway
	$(BIN)/wrinkle bench prepare
	$(BIN)/wrinkle bench instances
	$(BIN)/wrinkle bench report

REPOSITORY ?= build/repository
gpu-bench: $(DEV) ## perf_analyzer against a TensorRT repository on this machine's GPU
	$(BIN)/wrinkle bench sweep --repository $(REPOSITORY) --fresh --out bench/results/gpu

scaling-profile: $(DEV) ## Measure one replica on this machine, idle and with two cores, for docs/scaling.md
	$(BIN)/wrinkle assets fetch
	$(BIN)/python -m wrinkle_scaling.measuring.shipped

scaling-page: $(DEV) ## Rewrite the tables and the picture of docs/scaling.md by running what it describes
	$(BIN)/python -m wrinkle_scaling.page --write docs/scaling.md

clean: ## Remove environments, caches and outputs
	rm -rf $(VENV) $(K8S_VENV) build dist demo-output runs .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Checkov brings a hundred packages: an environment of its own.
$(CHECKOV):
	$(PYTHON) -m venv $(K8S_VENV)
	$(K8S_VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'checkov==3.3.30'
	@touch $@

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
