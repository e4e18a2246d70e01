# Every target does its own set-up: `make demo` and `make test` work in a fresh clone.
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.ready
NODE := node_modules/.ready
CHECKOV := .checkov/.ready

.PHONY: help setup demo up test bench chaos fuzz pictures package sbom live-acceptance lint format lock clean
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) $(NODE) ## the interpreter's environment, Azurite, the KQL parser and axe

$(STAMP): requirements-dev.txt pyproject.toml scripts/bootstrap
	@scripts/bootstrap python

$(CHECKOV): requirements-checkov.txt scripts/bootstrap | $(STAMP)
	@scripts/bootstrap checkov

$(NODE): package.json package-lock.json scripts/bootstrap
	@scripts/bootstrap node

demo: setup ## the main job, end to end, on this machine; leaves with 0 when all held
	@$(PY) -m demo

up: setup ## the same stack, left running until Ctrl-C
	@$(PY) -m demo --keep

test: setup $(CHECKOV) ## every test
	@scripts/bootstrap browser
	@$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: setup ## the benchmark: a table and build/bench.json
	@$(PY) -m bench

chaos: setup ## random schedules, crash points and kills against the simulator; prints its seeds
	@$(PY) -m bench.chaos_states
	@$(PY) -m bench.chaos
	@$(PY) -m bench.kills

fuzz: setup ## thousands of requests, valid and not, by the API's own description; prints its seed
	@API_CASES=many $(PY) -m pytest -n 0 -rP tests/scenario/test_api_described.py

pictures: setup ## the pictures of the documents, taken anew from the demo's fleet: docs/pictures
	@scripts/bootstrap browser
	@MUSTER_WRITE_PICTURES=1 $(PY) -m pytest -n 0 -q tests/scenario/test_demo_told.py

package: setup ## the package that is deployed: build/muster.zip
	@$(PY) -m scripts.package

sbom: setup ## what the deployed package depends on, as CycloneDX: build/sbom.json
	@mkdir -p build
	@PYTHONWARNINGS=ignore $(VENV)/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible \
	  --of JSON -o build/sbom.json
	@echo "build/sbom.json written"

live-acceptance: setup ## the open assumptions on throw-away clusters of a real subscription: CLUSTERS="--cluster ID ... --yes"
	@$(PY) -m scripts.live_acceptance $(CLUSTERS)

lint: setup ## formatting, lint, types, layers
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-cache

format: setup ## put the source in shape
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

lock: setup ## write the pinned requirement files anew (needs uv on PATH)
	@scripts/lock

clean: ## remove what the targets made
	@rm -rf $(VENV) .checkov node_modules build
