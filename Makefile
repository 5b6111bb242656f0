PYTHON ?= python3
V := .venv
BIN := $(V)/bin
STAMP := $(V)/.installed
PYTEST := $(BIN)/python -m pytest --numprocesses auto
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Containers set it; the hundreds of processes of a test run would compile the same sources.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check bench prove pictures protos inventory help clean
.DELETE_ON_ERROR:

$(STAMP): pyproject.toml constraints.txt
	@echo "Installing Troth into $(V) (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(V)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade-strategy only-if-needed \
		--constraint constraints.txt --editable '.[train,serve,console,dev]'
	@touch $@

demo: $(STAMP)  ## the whole way, once, under runs/demo
	$(BIN)/troth demo

test: $(STAMP) checks  ## everything CI runs
	$(PYTEST)

.PHONY: checks
checks: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/python -m tests.architecture.generated

check: $(STAMP) checks  ## the quick loop
	$(PYTEST) -m "not slow and not service"

bench: $(STAMP)  ## measure; writes benchmarks/results.json
	$(BIN)/troth bench

prove: $(STAMP)  ## the long proofs; writes docs/proofs
	@test -f runs/demo/trained.json || $(BIN)/troth demo
	$(BIN)/troth prove

pictures: $(STAMP)  ## draw the README's pictures again; needs Chromium
	@test -f runs/demo/report.html || $(BIN)/troth demo
	$(BIN)/troth pictures

protos: $(STAMP)  ## regenerate troth/v1 from protos/
	$(BIN)/python -m tests.architecture.generated --write

inventory: $(STAMP)  ## bring the module lists of ARCHITECTURE.md up to date
	$(BIN)/python -m tests.architecture.inventory

help:  ## this list
	@grep -hE "^[a-z]+:.*##" $(MAKEFILE_LIST) | sed "s/:.*##/\t/" | expand -t 10

clean:  ## remove the environment and everything that was produced
	rm -rf $(V) runs .mypy_cache .ruff_cache .pytest_cache .hypothesis
