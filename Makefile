# Every target installs what it needs by itself. `make help` lists them.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
PYTEST := .venv/bin/python -m pytest
COVERAGE := .venv/bin/coverage run
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
CHINESE_FONT := /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc
AXE := build/axe-core/package/axe.min.js
DYNAMODB_LOCAL := build/dynamodb-local/package/emulator/DynamoDBLocal.jar

.DEFAULT_GOAL := help
.PHONY: help run conformance check test lint types unit engine e2e browser screenshots coverage dev tools clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Serve everything on http://127.0.0.1:8000 (PORT=... for another) until interrupted
	@exec $(PYTHON) -m infra.local

conformance: ## Replay the checklist of docs/clients.md; URL=... for a stack that has just been started
	@exec $(PYTHON) -m infra.local.conformance $(URL)

check: lint types unit coverage ## The quick part of the tests: Python and pip alone

test: lint types unit engine e2e browser coverage ## Every test; installs Debian and npm packages (root or sudo)

lint: dev ## Style, by ruff
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: dev ## Types, by mypy --strict
	.venv/bin/mypy

unit: dev ## The core and the handlers, on moto
	$(COVERAGE) -m pytest tests/unit tests/integration

engine: dev tools $(DYNAMODB_LOCAL) ## Races, on DynamoDB Local in a network namespace of its own
	$(SUDO) unshare -n sh -c 'ip link set lo up && exec $(COVERAGE) --append -m pytest tests/engine'

e2e: dev tools ## The README's story over HTTP, with oathtool's codes and zbarimg's eyes
	$(PYTEST) tests/e2e

browser: dev tools $(AXE) ## The page, in Debian's Chromium, with axe-core's eyes too
	$(PYTEST) tests/browser

screenshots: dev tools ## The pictures in docs/images/
	.venv/bin/python -m tests.browser.screenshots

coverage: dev ## Line and branch coverage of the last tests
	.venv/bin/coverage report

dev: ## The virtual environment, up to date
	@$(PYTHON) -m infra.environment

tools: ## The Debian packages that the tests need
	@for pair in oathtool:oathtool zbarimg:zbar-tools java:default-jre-headless npm:npm ip:iproute2 \
	    unshare:util-linux chromium:chromium; do \
	  command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair##*:}"; \
	done; \
	test -e $(CHINESE_FONT) || missing="$$missing fonts-noto-cjk"; \
	test -z "$$missing" || { $(SUDO) apt-get update -q && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; }

$(DYNAMODB_LOCAL): | tools
	mkdir -p build/dynamodb-local
	npm pack --silent --pack-destination build/dynamodb-local amplify-dynamodb-simulator@2.9.30
	tar -xzf build/dynamodb-local/amplify-dynamodb-simulator-*.tgz -C build/dynamodb-local
	touch $@

$(AXE): | tools
	mkdir -p build/axe-core
	npm pack --silent --pack-destination build/axe-core axe-core@4.14.1
	tar -xzf build/axe-core/axe-core-4.14.1.tgz -C build/axe-core
	touch $@

clean: ## Remove what was installed and built
	rm -rf .venv build .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
