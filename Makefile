# make run: install and make films from nothing; make demo: a page to try what is trained;
# make test: install and run the whole test suite.
PYTHON ?= python3
BIN := .venv/bin
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION := false
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: run demo test test-fast lint install ui viz clean

run: install
	$(BIN)/kedro run

demo: install
	$(BIN)/kedro demo

test: install
	$(BIN)/pytest

test-fast: install
	$(BIN)/pytest -m "not slow"

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed: make PYTHON=python3.12')"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

ui: install
	@echo "Open http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning"
	$(BIN)/mlflow ui --backend-store-uri $${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db} --workers 1

viz: install
	$(BIN)/kedro viz run

clean:
	rm -rf .venv build mlflow.db mlartifacts
