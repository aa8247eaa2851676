# ebmlang: `make demo` shows it at work, `make test` proves it, `make help` lists the rest.
# All that is needed is Python 3.11 or later with venv and pip: make demo PYTHON=python3.12

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
WORKERS ?= 2
LOCK_FLAGS ?=
PYTEST_FLAGS ?=

# uv only writes the lock file; nothing else needs it.
UV := uv==0.13.9

VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
BIN := .venv/bin
LOCKED := .venv/.locked-$(VERSION)
READY := .venv/.ready-$(VERSION)

# One thread a worker: two workers that each take every core only stand in each other's way.
# Most programs of a test run once, for a moment: what is quickest to compile is quickest.
test: export XLA_FLAGS := --xla_cpu_multi_thread_eigen=false --xla_backend_optimization_level=0 \
  --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1 $(XLA_FLAGS)
test: export OMP_NUM_THREADS := 1
test: export OPENBLAS_NUM_THREADS := 1
test: export MKL_NUM_THREADS := 1
test test-slow demo: export JAX_PLATFORMS := cpu
test test-slow: export MPLBACKEND := Agg
lint: export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: help demo test test-slow docs lint format lock clean python

help: ## show this list
	@grep -E '^[a-z-]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(READY) ## build what is needed and run the main job
	$(BIN)/python examples/demo.py

test: $(READY) ## run every test but the slow ones, two files at a time (WORKERS=2)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_FLAGS)

test-slow: $(READY) ## run the long statistical tests
	$(BIN)/python -m pytest -m slow $(PYTEST_FLAGS)

docs: $(READY) ## build the pages into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

lint: $(READY) ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(READY) ## put the Python files into the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Keeps the versions that the lock file has; `make lock LOCK_FLAGS=--upgrade` takes the newest.
lock: | python ## write requirements.lock from pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(UV)'
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	  --generate-hashes --no-annotate --custom-compile-command 'make lock' $(LOCK_FLAGS) \
	  --extra demo --extra test --output-file requirements.lock pyproject.toml

clean: ## remove what the other targets made
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis build dist demo site *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "$(PYTHON) is not Python 3.11 or later; try: make PYTHON=python3.12" >&2; exit 1; }

$(LOCKED): requirements.lock | python
	@echo "Building .venv for Python $(VERSION); this takes a minute or two, once."
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(READY): pyproject.toml $(LOCKED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
