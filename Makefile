# Videogeneration: make help
PYTHON ?= python3
BIN := .venv/bin
# tests: files side by side, a process a core; in their order, so that short ones come last
PARALLEL := --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION := false
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: help run network demo gallery notebook notebook-html wheel test test-fast test-hostile test-kills lint install ui viz clean

run: install ## install, render people, train on from the network that comes along, make and score films
	$(BIN)/kedro run

demo: install ## a page to try what is trained
	$(BIN)/kedro demo

ui: install ## the runs in MLflow
	@echo "Open http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning"
	$(BIN)/mlflow ui --backend-store-uri $${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db} --workers 1

viz: install ## the pipelines as a picture
	$(BIN)/kedro viz run

network: install ## train, measure and pack the network that comes with the package: an hour
	$(BIN)/kedro run --env=package --pipelines=kth_mse
	$(BIN)/kedro pack kth/mse

gallery: install ## the films of docs/gallery.md, drawn by the network that comes with the package
	$(BIN)/python docs/gallery.py

notebook: .venv/notebook ## a finished run, read in Jupyter
	$(BIN)/kedro jupyter lab notebooks/read_a_run.ipynb

notebook-html: .venv/notebook ## the same as a page: notebooks/read_a_run.html
	$(BIN)/jupyter nbconvert --execute --to html notebooks/read_a_run.ipynb

wheel: install ## dist/*.whl, and dist/conf-*.tar.gz for it
	$(BIN)/kedro package

test: install ## the whole test suite
	$(BIN)/pytest $(PARALLEL)

test-fast: install ## what takes seconds of it
	$(BIN)/pytest $(PARALLEL) -m "not slow"

test-hostile: install ## a thousand damaged and hostile files
	$(BIN)/pytest -m hostile -v

test-kills: install ## fifty runs that are killed somewhere, and what the next one makes of it
	$(BIN)/pytest -m kills -v -s

lint: install ## style, types, imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: .venv/installed ## .venv with exact versions

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed: make PYTHON=python3.12')"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

.venv/notebook: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[notebook]"
	touch $@

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

clean: ## remove .venv, runs and their artifacts
	rm -rf .venv build dist mlflow.db* mlartifacts
