# The verbs of Tidegate. Each makes sure first that .venv holds exactly what is locked (seconds, and only after a change).
#
# One lock serves every verb: with an empty cache the test tools cost 0.8 s more than the run-time part alone, and a
# second environment to keep apart would cost more. requirements/run.lock is for images and servers, without test tools.

RELEASE ?= good
RUNS    ?= 10000
SEED    ?= 1
MODE    ?= reduced
PYTHON  ?= python3

BIN    := .venv/bin
READY  := .venv/.installed
COMPUTE   := tests/unit tests/house tests/scenarios tests/faults
PROCESSES := tests/demo tests/contract tests/flows tests/e2e
CODE   := $(foreach folder,tidegate blocks tasks flows deployments examples tests,$(if $(wildcard $(folder)/*.py $(folder)/*/*.py),$(folder)))

.DEFAULT_GOAL := help
.PHONY: help demo up down check test bench bench-judge simulate docs lock clean static format lint types layers unit
.SILENT:

help:
	echo "make demo [RELEASE=good]   a whole release of the example shop, seen from start to end"
	echo "make up | make down        the same system left running for you: Prefect, the flows, the watch, the shop"
	echo "make check                 format, lint, types, the dependency rule, unit and house tests (under a minute)"
	echo "make test                  the same and every other test: scenarios, contract, flows, e2e, faults"
	echo "make bench                 the figures: rollback time, lost requests, cost per act"
	echo "make bench-judge [MODE=reduced]   canary judges side by side: false rollbacks, harm, time, cost"
	echo "make simulate [RUNS=10000] [SEED=1]   simulated releases with planted faults; every invariant after every event"
	echo "make docs                  writes the generated pages again: status, plans, connectors, the schema of specs"
	echo "make lock                  resolves requirements/*.lock again, with hashes"
	echo "make clean                 removes the environment and every cache"

demo: $(READY)
	$(BIN)/python -m examples.demo --release $(RELEASE)

up: $(READY)
	$(BIN)/python -m examples.demo.standing up

down: $(READY)
	$(BIN)/python -m examples.demo.standing down

check: static unit

# What computes more than it waits uses every core; what runs whole systems is serial on purpose: it measures, and two
# cores are little. A finding of the linters does not keep the tests from running: one run tells all. Tests with real processes
# have deadlines that a busy machine can miss: what failed is told and run once more.
test: $(READY)
	failed=0; $(MAKE) --no-print-directory --keep-going static || failed=1; \
	for part in "-n auto --dist worksteal $(COMPUTE)" "$(PROCESSES)"; do \
	  $(BIN)/pytest $$part || { echo "once more, what failed (twice is a failure):"; $(BIN)/pytest --last-failed $$part; } || failed=1; \
	done; exit $$failed

static: format lint types layers

format: $(READY)
	$(BIN)/ruff format --check --quiet --output-format concise . || { echo "to mend: $(BIN)/ruff format ."; exit 1; }

lint: $(READY)
	$(BIN)/ruff check --quiet .

types: $(READY)
	$(BIN)/mypy --no-error-summary $(CODE)

layers: $(READY)
	PYTHONPATH=. $(BIN)/lint-imports --no-logo > .venv/layers.txt || { cat .venv/layers.txt; exit 1; }

unit: $(READY)
	$(BIN)/pytest -q -n auto --dist worksteal $(wildcard tests/unit tests/house)

bench: $(READY)
	$(BIN)/python -m tests.bench

bench-judge: $(READY)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.bench.judging --mode $(MODE) --profile

simulate: $(READY)
	$(BIN)/python -m tidegate.simulation --runs $(RUNS) --seed $(SEED)

docs: $(READY)
	$(BIN)/python -m tests.house.status
	$(BIN)/python -m tests.house.plans
	$(BIN)/python -m tests.house.configuration
	$(BIN)/python -m tests.house.schema
	$(BIN)/python -m tests.house.connectors
	$(BIN)/python -m tests.house.annotated
	$(BIN)/python -m tests.house.tutorial

lock: $(READY)
	sh requirements/lock

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What is missing is named before any work, and on one line.
$(READY): requirements/uv.lock requirements/dev.lock requirements/install pyproject.toml
	$(eval MISSING := $(shell PYTHON="$(PYTHON)" sh requirements/prerequisites))$(if $(MISSING),$(error $(MISSING)))
	PYTHON="$(PYTHON)" sh requirements/install
	touch $@
