# Everything here works from a fresh clone: each target does its own set-up first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet
NODE_READY := node_modules/.ready
# What fails when a new mem0ai changes the ground under the functions.
RELIED_ON := tests/unit/test_mem0_library.py tests/unit/test_mem0_transport.py tests/unit/test_mem0_store.py \
	tests/unit/test_import_budget.py tests/local/test_bench_rig.py tests/local/test_mem0_api.py \
	tests/assembly/test_layer_build.py

export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup run serve test check unit infra assembly local ops console live format synth layer lock upgrade \
	recall faults bench pictures clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) $(NODE_READY) ## Make .venv and node_modules, from the lockfiles

$(READY): requirements-dev.lock local/lambda_host/runtime.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) was found. Try: make PYTHON=python3.11 setup" >&2; exit 1; }
	@echo "Setting up $(VENV) ..."
	@test -e $(READY) || $(PYTHON) -m venv --clear $(VENV)  # what was interrupted before may be half there
	@rm -f $(READY)
	@$(PY) -m pip install --quiet --require-hashes --no-deps -r <(sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.lock)
	@$(VENV)/bin/uv pip install --quiet --python $(PY) --require-hashes --no-deps -r requirements-dev.lock \
	  || $(PY) -m pip install --quiet --require-hashes --no-deps -r requirements-dev.lock  # which knows pip's mirrors
	@$(PY) -m local setup
	@touch $@

$(NODE_READY): package.json package-lock.json
	@command -v npm >/dev/null || { echo "Node.js 20 or newer is needed: npm was not found." >&2; exit 1; }
	@echo "Setting up node_modules ..."
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

run: setup ## Demonstrate one caller's two calls, through the whole system
	@$(PY) -m local run

serve: setup ## Keep the whole system running, with its console in the browser, until Ctrl-C
	@$(PY) -m local serve

test: check ## Check and test everything, as CI does
	@$(PY) -m pytest -n 2 --dist loadfile

check: setup ## Lint and type-check
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

unit: ## Test the handlers alone
infra: ## Test the template alone
assembly: ## Test the built assets and their deployment alone
local: ## Test the running system alone
ops: ## Test the operator's commands alone
console: ## Test the console alone
# Nothing in tests/infra asks hypothesis for examples, and the import of its plugin takes a second or two.
infra: OPTIONS := -p no:hypothesispytest
unit infra assembly local ops console: setup
	@$(PY) -m pytest $(OPTIONS) tests/$@

live: setup ## Test the real ElevenLabs and Mem0: keys in ELEVENLABS_API_KEY, MEM0_API_KEY
	@$(PY) bench/live.py $(if $(YES),--yes)

format: setup ## Format the code
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

synth: setup ## Synthesise the CloudFormation template into cdk.out
	@npx cdk synth --quiet

layer: setup ## Build the layer that ships into cdk.out/layer
	@rm -rf cdk.out/layer && $(PY) layer/build.py cdk.out/layer --platform linux-arm64 --python 3.13

lock: setup ## Renew the lockfiles after a change to a requirements file
	@$(VENV)/bin/uv pip compile layer/requirements.txt --excludes layer/excludes.txt $(LOCK) -o layer/requirements.lock
	@$(VENV)/bin/uv pip compile lambdas/requirements.txt $(LOCK) -o lambdas/requirements.lock
	@$(VENV)/bin/uv pip compile requirements-dev.txt --excludes requirements-dev.excludes.txt $(LOCK) -o requirements-dev.lock
	@$(VENV)/bin/uv pip compile local/lambda_host/runtime.txt $(LOCK) -o local/lambda_host/runtime.lock
	@$(VENV)/bin/uv pip compile bench/naive/requirements.txt $(LOCK) -o bench/naive/requirements.lock
	@npm install --package-lock-only --no-audit --no-fund --loglevel=error

upgrade: setup ## Upgrade mem0ai: make upgrade MEM0AI=2.3.0 pins, locks, builds and checks it
	@[[ "$(MEM0AI)" =~ ^[0-9]+(\.[0-9]+)+$$ ]] || { echo "Which version? make upgrade MEM0AI=$$(sed -n 's/^mem0ai==//p' layer/requirements.txt) is what there is now." >&2; exit 1; }
	@for file in layer/requirements.txt requirements-dev.txt bench/naive/requirements.txt; do \
	  sed "s/^mem0ai==.*/mem0ai==$(MEM0AI)/" $$file > $$file.new && mv $$file.new $$file; done
	@echo "Locking mem0ai $(MEM0AI) ..." && $(MAKE) --no-print-directory lock
	@echo "Building the layer ..." && $(MAKE) --no-print-directory layer
	@echo "Checking what the functions rely on ..." && $(PY) -m pytest -q $(RELIED_ON)
	@echo "mem0ai $(MEM0AI) is pinned, and what the functions rely on is there. Now: make test && make bench"

recall: setup ## Measure what is found again, and write docs/recall.md
	@$(PY) bench/recall.py

faults: setup ## Run the fault matrix, and write docs/reliability.md
	@$(PY) bench/faults.py

pictures: setup ## Take the docs' pictures of the console
	@$(PY) -m local.pictures

bench: setup ## Measure speed against the naive way, and write docs/performance.md
	@$(PY) bench/performance.py

clean: ## Remove everything that was made here
	rm -rf $(VENV) node_modules cdk.out .cache .local .pytest_cache .mypy_cache .ruff_cache
