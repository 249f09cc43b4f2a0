# Everything a person does with this tree. `make help` lists it; flags go in ARGS="--port 9000 --gateways 3".

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; exit; }; done; echo python3)
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install
INSTALLED := .venv/.installed
INSTALLED_DEV := .venv/.installed-dev
WEB := services/gateway/web
PAGE := $(WEB)/dist/index.html
SDK_NODE := $(if $(wildcard tests/sdk/package-lock.json),tests/sdk/node_modules/.installed)
SDK_PYTHON := $(if $(wildcard tests/sdk/requirements.lock),.venv-sdk/.installed)
# Much of a test is waiting, so there is one more of them at a time than processors; what a file's tests share is started once.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

.PHONY: help run dev demo status stop test check lint format-check types contracts bench docs lock clean clean-data python node

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) $(PAGE) ## install what is needed, start everything, stop it with Ctrl-C
	@exec $(BIN)/antiphon up $(ARGS)

dev: $(INSTALLED_DEV) $(PAGE) ## as run, and restart the services whose files you edit
	@exec $(BIN)/antiphon up --reload $(ARGS)

demo: $(INSTALLED) ## two clients talk on two gateways while one gateway is killed
	@exec $(BIN)/antiphon demo $(ARGS)

status: ## what is running
	@[ -x $(BIN)/antiphon ] || { echo "Nothing is installed here yet: start with make run."; exit 1; }
	@$(BIN)/antiphon ps $(ARGS)

stop: ## stop what is running
	@[ -x $(BIN)/antiphon ] || { echo "Nothing is installed here yet: start with make run."; exit 1; }
	@$(BIN)/antiphon stop $(ARGS)

# The closing line is pytest's whatever the checks said; the exit code is right for all of them.
test: $(INSTALLED_DEV) $(SDK_NODE) $(SDK_PYTHON) $(PAGE) ## lint, types, import contracts and all tests on real servers
	@failed=0; \
	$(MAKE) -j4 --output-sync=target --keep-going check || failed=1; \
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS) || failed=1; \
	exit $$failed

check: lint format-check types contracts
lint: $(INSTALLED_DEV)
	@echo "ruff check"; $(BIN)/ruff check .
format-check: $(INSTALLED_DEV)
	@echo "ruff format"; $(BIN)/ruff format --check .
types: $(INSTALLED_DEV)
	@echo "mypy"; $(BIN)/mypy
contracts: $(INSTALLED_DEV)
	@echo "import contracts"; $(BIN)/lint-imports

bench: $(INSTALLED_DEV) ## measure: latency and throughput, each beside its baseline
	@exec $(BIN)/python -m tests.bench $(ARGS)

docs: $(INSTALLED_DEV) ## make the generated pages in docs/ again
	@$(BIN)/python -m services.ops.reference

lock: ## pin every dependency again, with hashes (needs uv)
	@command -v uv >/dev/null || { echo "uv is missing: install it (https://docs.astral.sh/uv) and run make lock again."; exit 1; }
	uv pip compile pyproject.toml --extra build --extra dev --python-version 3.11 --universal --generate-hashes --no-header --no-annotate -o requirements-dev.lock
	uv pip compile pyproject.toml --extra build --python-version 3.11 --universal --generate-hashes --no-header --no-annotate -c requirements-dev.lock -o requirements.lock

clean: ## remove what was installed and cached; data stays (make clean-data)
	@[ ! -x $(BIN)/antiphon ] || $(BIN)/antiphon stop 2>/dev/null || true
	rm -rf .venv .venv-sdk tests/sdk/node_modules $(WEB)/node_modules $(WEB)/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find services shared tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

clean-data: ## remove the data of the embedded system: every conversation in it
	@[ ! -x $(BIN)/antiphon ] || $(BIN)/antiphon stop 2>/dev/null || true
	rm -rf .antiphon

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "This Python can't make virtual environments: install its venv package (Debian, Ubuntu: apt install python3-venv)."; exit 1; }

node:
	@command -v node >/dev/null && [ "$$(node -p 'const [major, minor] = process.versions.node.split("."); major * 100 + +minor' 2>/dev/null || echo 0)" -ge 2019 ] \
		|| { echo "Node 20.19 or newer is needed and was not found: install it from https://nodejs.org and run make again."; exit 1; }

$(BIN)/python: | python
	@echo "making a virtual environment in .venv"
	@$(PYTHON) -m venv .venv

$(INSTALLED): requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing from requirements.lock (the first time takes a minute)"
	@$(PIP) --require-hashes -r requirements.lock | grep -v -e 'already satisfied' -e '^  Using cached' -e '^Ignoring ' || [ $${PIPESTATUS[0]} -eq 0 ]
	@$(PIP) --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(INSTALLED_DEV): requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "installing from requirements-dev.lock"
	@$(PIP) --require-hashes -r requirements-dev.lock | grep -v -e 'already satisfied' -e '^  Using cached' -e '^Ignoring ' || [ $${PIPESTATUS[0]} -eq 0 ]
	@$(PIP) --quiet --no-deps --no-build-isolation -e .
	@touch $(INSTALLED) $@

# The page is built once and then only when one of its sources is newer.
$(PAGE): $(shell find $(WEB) -type f -not -path '*/node_modules/*' -not -path '*/dist/*') | node
	@echo "building the page"
	@cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build -- --logLevel warn
	@touch $@

tests/sdk/node_modules/.installed: tests/sdk/package-lock.json | node
	@echo "installing the JavaScript SDK for its tests"
	@npm ci --prefix tests/sdk --no-audit --no-fund
	@touch $@

.venv-sdk/.installed: tests/sdk/requirements.lock | python
	@echo "installing the Python SDK for its tests, apart as in an application"
	@$(PYTHON) -m venv .venv-sdk
	@.venv-sdk/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r tests/sdk/requirements.lock
	@touch $@
