# make setup | demo | test | lint | bench | clean
PYTHON ?=
PATIENTS ?= 500
KEEP ?=
BIN := .venv/bin

export PYTHONPATH := $(CURDIR)

.PHONY: setup demo test lint bench clean

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

bench: setup
	$(BIN)/python -m benchmarks

clean:
	@if [ -x $(BIN)/python ] && [ -d .local ]; then $(BIN)/python -m local down; fi
	rm -rf .local .venv node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
