# Every target sets up .venv first, from requirements.lock; doing it again is instant.
# PYTHON picks the interpreter it is built from (3.11 or newer).
PYTHON ?= python3
BIND ?= 127.0.0.1:8000
DB ?= data/livequeue.db
E2E_ARGS ?= -n 2 --browser all
UNIT_ARGS ?= -n 3

py := .venv/bin/python
web_tests := $(wildcard tests/web/*.test.mjs tests/web/*.test.js)

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format unit web e2e bench test-networks boxes lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

setup: ## build .venv from the lock file
	@command -v "$(PYTHON)" >/dev/null || { echo "setup: there is no '$(PYTHON)'; name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: Python 3.11 or newer is needed, but $(PYTHON) is $$("$(PYTHON)" -V 2>&1); name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" scripts/setup_venv.py

run: setup ## start the server (BIND=127.0.0.1:8000 DB=data/livequeue.db)
	@mkdir -p "$$(dirname "$(DB)")"
	@exec .venv/bin/livequeue serve --bind "$(BIND)" --db "$(DB)"

test: lint web unit e2e ## everything below: lint, web, unit, e2e

lint: setup ## ruff and mypy
	$(py) -m ruff check .
	$(py) -m ruff format --check .
	$(py) -m mypy

format: setup ## let ruff put the code in order
	$(py) -m ruff check --fix .
	$(py) -m ruff format .

unit: setup ## the Python tests but for the browser's (UNIT_ARGS="-k tls")
	$(py) -m pytest tests $(UNIT_ARGS)

web: ## the page's own modules, where there is a node
ifneq ($(web_tests),)
	@if command -v node >/dev/null; then node --test $(web_tests); else echo "web: no node here, so its tests are left out"; fi
endif

e2e: setup ## the tests in real browsers (E2E_ARGS="--browser firefox -k reconnect")
	$(py) -m pytest e2e $(E2E_ARGS)

test-networks: setup boxes ## the product through real middleboxes (minutes; NETWORK_ARGS="--browser firefox")
	$(py) -m pytest e2e/networks $(NETWORK_ARGS)

boxes: .venv-mitm/installed ## mitmproxy and Traefik, in a .venv-mitm, for e2e/boxes (the others are Debian packages)

.venv-mitm/installed: e2e/boxes/mitmproxy.lock e2e/boxes/traefik.lock
	@rm -rf .venv-mitm
	@"$(PYTHON)" -m venv .venv-mitm
	@.venv-mitm/bin/pip install --quiet --no-deps --require-hashes $(^:%=-r %)
	@touch $@

bench: setup ## the measurements behind docs/performance.md
	$(py) -m bench

lock: setup ## write requirements.lock anew (LOCK_ARGS=--upgrade for newer versions)
	@"$(PYTHON)" scripts/lock.py $(LOCK_ARGS)

clean: ## remove what make built, but not data/
	rm -rf .venv .venv-mitm .lock-tools dist e2e/artifacts .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find app client e2e scripts tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
