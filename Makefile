# Two commands set everything up on a fresh machine with Python 3.11 or newer, pip and make.
#   make run    install, then the main job on the embedded digits
#   make test   install, then linter, types, import contracts and the quick tests

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# A process for each core, with one thread each; the tests of a file share what they set up.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile

.PHONY: help run test test-slow lint viz ui clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'

run: $(INSTALLED)  ## the main job: transfer learning on handwritten digits, with its comparison table
	$(BIN)/kedro run --pipeline=transfer_learning

test: $(INSTALLED) lint  ## linter, types, import contracts and the quick tests
	$(PYTEST) -m "not slow and not browser"

test-slow: $(INSTALLED)  ## the slow tests and those in a browser
	$(PYTEST) -m "slow or browser" --durations=10

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

viz: $(INSTALLED)  ## the pipelines and their results as a graph, in a browser
	$(BIN)/kedro viz run

ui: $(INSTALLED)  ## the runs side by side, in a browser
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db --workers 1

clean:  ## remove the virtual environment and caches, but no data and no results
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@
