# Every target installs what it needs by itself. `make help` lists them.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
PYTEST := .venv/bin/python -m pytest
COVERAGE := .venv/bin/coverage run
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
DYNAMODB_LOCAL := build/dynamodb-local/package/emulator/DynamoDBLocal.jar

.DEFAULT_GOAL := help
.PHONY: help run check test lint types unit engine e2e coverage dev tools clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Serve everything on http://127.0.0.1:8000 (PORT=... for another) until interrupted
	@exec $(PYTHON) -m infra.local

check: lint types unit coverage ## The quick part of the tests: Python and pip alone

test: lint types unit engine e2e coverage ## Every test; installs Debian and npm packages (root or sudo)

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

coverage: dev ## Line and branch coverage of the last tests
	.venv/bin/coverage report

dev: ## The virtual environment, up to date
	@$(PYTHON) -m infra.environment

tools: ## The Debian packages that the tests need
	@for pair in oathtool:oathtool zbarimg:zbar-tools java:default-jre-headless npm:npm ip:iproute2 \
	    unshare:util-linux; do \
	  command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair##*:}"; \
	done; \
	test -z "$$missing" || { $(SUDO) apt-get update -q && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; }

$(DYNAMODB_LOCAL): | tools
	mkdir -p build/dynamodb-local
	npm pack --silent --pack-destination build/dynamodb-local amplify-dynamodb-simulator@2.9.30
	tar -xzf build/dynamodb-local/amplify-dynamodb-simulator-*.tgz -C build/dynamodb-local
	touch $@

clean: ## Remove what was installed and built
	rm -rf .venv build .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
