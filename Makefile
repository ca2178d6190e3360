# `make` or `make help` lists the commands. Everything is installed into .venv from locks with hashes.
PYTHON ?= python3
BIN := .venv/bin
LANES := 1 2
# Tests start hundreds of processes: without it each compiles the program anew.
WITH_BYTECODE := PYTHONDONTWRITEBYTECODE=
# Half of the tests each, in their order: what the tests of a file share is made once. Who is done takes of the rest.
BY_TWO := -n 2 --dist worksteal

.PHONY: help setup demo test test-all mutants check fix bench boards draw lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready $(LANES:%=.venv-openai-%/.ready) ## install what everything below needs

.venv/.ready: .ci/lock/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "llmwatch needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r .ci/lock/dev.txt
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@# Where PYTHONDONTWRITEBYTECODE is set every command would compile the program anew, for a quarter of a second.
	@$(BIN)/python -m compileall -q llmwatch
	@touch $@

# The openai 1.x and 2.x lanes: the same tests of capture against older SDKs.
.venv-openai-%/.ready: .ci/lock/openai-%.txt
	$(PYTHON) -m venv .venv-openai-$*
	.venv-openai-$*/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

demo: .venv/.ready ## nine weeks of real captured calls, then the report; needs no key and no network
	@$(BIN)/python examples/demo.py $(if $(LIVE),--live)

test: setup ## every test but the slow lanes
	$(WITH_BYTECODE) $(BIN)/python -m pytest -q $(BY_TWO) -m "not slow"

test-all: setup check ## all tests: torture, fuzz, full runs
	$(WITH_BYTECODE) $(BIN)/python -m pytest -q $(BY_TWO)

mutants: .venv/.ready ## change the code of money and verdicts in 300 places: each time a test must fail (20 minutes)
	$(WITH_BYTECODE) $(BIN)/python -m tests.mutants $(ARGS)

check: .venv/.ready ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

fix: .venv/.ready ## format and repair what can be repaired
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.ready ## measure overhead, spool, merge and report against baselines of the same run
	$(BIN)/python -m tests.bench

boards: .venv/.ready ## write the JSON of the dashboards anew
	$(BIN)/python -m llmwatch.dashboards.boards

draw: .venv/.ready ## draw the dashboards of the demo's store with Grafana's own components (needs npm and Chromium)
	$(BIN)/python -m tests.dashboards.draw .llmwatch-demo

lock: ## renew the dependency locks (needs uv)
	.ci/lock/update

clean: ## remove everything that make made
	rm -rf .venv .venv-openai-1 .venv-openai-2 .llmwatch-demo .mutants .pytest_cache .ruff_cache dist build
