# Every target needs nothing but python3 (3.11 or newer) and make. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
# An editable install is compiled by whoever runs it first; where nobody may write, at every start anew.
COMPILE := $(BIN)/python -m compileall -q src

PROCESSORS := $(shell getconf _NPROCESSORS_ONLN)
# Tests are compiled, too, whatever the environment says: that is half of the time of finding them.
RUN_TESTS := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --dist worksteal --numprocesses
UNIT_TESTS := tests/unit tests/conformance tests/architecture

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-fast chaos fuzz check format bench lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Entrepot needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

# The lock files are complete, so nothing is resolved here: --no-deps installs exactly what they name.
$(VENV)/demo: requirements/demo.txt pyproject.toml | $(BIN)/python
	@echo "installing Entrepot and what the demo needs into $(VENV) (once)"
	@$(PIP) install --no-deps -r requirements/demo.txt
	@$(PIP) install --no-deps --editable .
	@$(COMPILE)
	@touch $@

$(VENV)/development: requirements/development.txt pyproject.toml | $(BIN)/python
	@echo "installing what tests and checks need into $(VENV) (once)"
	@$(PIP) install --no-deps -r requirements/development.txt
	@$(PIP) install --no-deps --editable .
	@$(COMPILE)
	@touch $@ $(VENV)/demo

demo: $(VENV)/demo ## a real import, get-job and export, end to end (DATA=folder takes your files)
	@$(BIN)/entrepot demo $(if $(DATA),--data "$(DATA)")

serve: $(VENV)/demo ## the server on http://127.0.0.1:8250
	@$(BIN)/entrepot serve

# Three processes for two processors: much of these tests' time is waiting for a server or a job.
test: $(VENV)/development ## the whole test suite
	@$(RUN_TESTS) $(shell expr 3 \* $(PROCESSORS) / 2) $(PYTEST)

# None of these waits, and each process finds all tests for itself.
test-fast: $(VENV)/development ## the unit part of it: what needs no server
	@$(RUN_TESTS) $(PROCESSORS) $(UNIT_TESTS) -m "not postgresql and not moto" $(PYTEST)

SECONDS := 60
SEED := 1
SEEDS := $(SEED)
DATABASE := sqlite postgresql

chaos: $(VENV)/development ## torment an exchange and check that all it says is true (SECONDS=600 SEEDS="1 2 3")
	@for database in $(DATABASE); do for seed in $(SEEDS); do \
		$(BIN)/python -m tests.chaos --seconds $(SECONDS) --seed $$seed --database $$database || exit; \
	done; done

REQUESTS := 100000

fuzz: $(VENV)/development ## very many requests, good and bad ones, each answer looked at (REQUESTS=100000 SEED=1)
	@for database in $(DATABASE); do for seed in $(SEEDS); do \
		$(BIN)/python -m tests.fuzz --requests $(REQUESTS) --seed $$seed --database $$database || exit; \
	done; done

check: $(VENV)/development ## lint, formatting, strict types, import contracts
	@$(BIN)/ruff check --no-cache .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(VENV)/development ## rewrite the sources in the house format
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

bench: $(VENV)/development ## side by side with the peers (see bench/README.md)
	@$(BIN)/python -m bench

lock: $(VENV)/development ## renew the lock files (needs uv)
	@bash requirements/lock.sh

clean: ## remove the virtual environment and the caches
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
