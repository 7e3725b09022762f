# make setup | demo | test | lint | bench | bench-load | bench-map | infra | clean
PYTHON ?=
PATIENTS ?= 500
KEEP ?=
RUNS ?= 200
SEED ?= 1
BIN := .venv/bin

export PYTHONPATH := $(CURDIR)

.PHONY: setup demo test lint chaos bench bench-load bench-map infra clean

setup:
	@PYTHON="$(PYTHON)" scripts/setup

demo: setup
	@./carryover demo --patients $(PATIENTS) $(if $(filter 1 yes true,$(KEEP)),--keep)

test: setup lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

# The long form of the test that kills and breaks at random; its short form is a part of `make test`.
chaos: setup
	$(BIN)/python -m tests.chaos --runs $(RUNS) --seed $(SEED)

bench: setup
	$(BIN)/python -m benchmarks

# How much of what the service protection limits allow a load makes use of: some six minutes.
bench-load: setup
	$(BIN)/python -m benchmarks.load

# How good proposals are: against the maps in ../shared/data/gold, and against plain likeness of names.
bench-map: setup
	$(BIN)/python -m benchmarks.map

# checkov is large (some 300 MB), so it has an environment of its own; without it its tests skip.
infra: setup
	@[ -x .venv-infra/bin/checkov ] || { $(BIN)/python -m venv .venv-infra && .venv-infra/bin/pip install -qq -r infra/bicep/requirements.txt; }
	$(BIN)/python -m pytest tests/infra

clean:
	@if [ -x $(BIN)/python ] && [ -d .local ]; then $(BIN)/python -m local down; fi
	rm -rf .local .venv .venv-infra node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
