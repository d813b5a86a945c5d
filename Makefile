# Every target installs what it needs by itself. `make help` lists them.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
PYTEST := .venv/bin/python -m pytest
QUICK := tests/unit tests/integration tests/deployment
MEASURED := --cov --cov-report= --cov-fail-under=0
# Longest first, since two run at once; many of them wait for the next code's 30 seconds.
PARTS := browser unit e2e rehearse engine permissions types lint
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
CHINESE_FONT := /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc
AXE := build/axe-core/package/axe.min.js
DYNAMODB_LOCAL := build/dynamodb-local/package/emulator/DynamoDBLocal.jar
DEPLOY := exec $(PYTHON) infra/deploy.py
WHERE = --stage "$(STAGE)" $(if $(REGION),--region "$(REGION)")
IAM_SIMULATOR := build/permissions/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help run conformance check test lint types unit engine permissions permissions-page e2e rehearse browser \
    screenshots coverage deploy rollback destroy package dev tools clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Serve everything on http://127.0.0.1:8000 (PORT=... for another) until interrupted
	@exec $(PYTHON) -m infra.local

conformance: ## Replay the checklist of docs/clients.md; URL=... for a stack that has just been started
	@exec $(PYTHON) -m infra.local.conformance $(URL)

check: lint types ## The quick part of the tests: Python and pip alone
	$(PYTEST) -n 2 $(QUICK)

test: dev tools $(DYNAMODB_LOCAL) $(IAM_SIMULATOR) $(AXE) ## Every test; installs Debian and npm packages (root or sudo)
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target $(PARTS)
	@$(MAKE) --no-print-directory coverage

lint: dev ## Style, by ruff, and the templates, by cfn-lint
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/cfn-lint --regions ap-east-1 us-east-1 -t infra/*.yaml

types: dev ## Types, by mypy --strict
	.venv/bin/mypy

unit: dev ## The core, the handlers and the deployment's steps, on moto
	COVERAGE_FILE=.coverage-of-unit $(PYTEST) $(QUICK) $(MEASURED)

engine: dev tools $(DYNAMODB_LOCAL) ## Races, on DynamoDB Local in a network namespace of its own
	$(SUDO) unshare -n sh -c 'ip link set lo up && COVERAGE_FILE=.coverage-of-engine exec $(PYTEST) tests/engine $(MEASURED)'

permissions: dev $(IAM_SIMULATOR) ## The roles, held against their table and against what each function calls
	$(PYTEST) tests/permissions

permissions-page: dev ## Write docs/permissions.md anew from its table
	.venv/bin/python -m tests.permissions.page

e2e: dev tools ## The README's story over HTTP, with oathtool's codes and zbarimg's eyes
	$(PYTEST) tests/e2e

rehearse: dev ## The deployment, whole, against an emulated AWS; what it deployed, run
	.venv/bin/python -m infra.rehearsal

browser: dev tools $(AXE) ## The page, in Debian's Chromium, with axe-core's eyes too
	$(PYTEST) tests/browser

screenshots: dev tools ## The pictures in docs/images/
	.venv/bin/python -m tests.browser.screenshots

coverage: dev ## Line and branch coverage of the last tests
	.venv/bin/coverage combine --keep --quiet .coverage-of-unit .coverage-of-engine
	.venv/bin/coverage report

deploy: ## Create or update a stage: STAGE=prod; REGION=..., EDGE=1, USERPOOL=1 where wanted
	@$(DEPLOY) deploy $(if $(EDGE),--edge) $(if $(USERPOOL),--userpool) $(WHERE)

rollback: ## Return a stage to the code before: STAGE=prod
	@$(DEPLOY) rollback $(WHERE)

destroy: ## Remove a stage's code and keep its data: STAGE=prod; WITH_DATA=1 to remove that too
	@$(DEPLOY) destroy $(if $(WITH_DATA),--with-data) $(WHERE)

package: ## Package without deploying, and print the sizes: STAGE=... for a stage's architecture
	@$(DEPLOY) package $(if $(STAGE),$(WHERE))

dev: ## The virtual environment, up to date
	@$(PYTHON) -m infra.environment

tools: ## The Debian packages that the tests need
	@for pair in oathtool:oathtool zbarimg:zbar-tools java:default-jre-headless npm:npm ip:iproute2 \
	    unshare:util-linux chromium-headless-shell:chromium-headless-shell curl:curl; do \
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

$(IAM_SIMULATOR): tests/permissions/package-lock.json | tools
	mkdir -p build/permissions
	cp tests/permissions/package.json tests/permissions/package-lock.json build/permissions/
	npm ci --prefix build/permissions --silent --no-audit --no-fund
	touch $@

$(AXE): | tools
	mkdir -p build/axe-core
	npm pack --silent --pack-destination build/axe-core axe-core@4.14.1
	tar -xzf build/axe-core/axe-core-4.14.1.tgz -C build/axe-core
	touch $@

# Evidence: what takes longer than `make test`, and the page of figures.
.PHONY: soak soak-tools mutants evidence ministack
READERS := build/readers/node_modules/.package-lock.json

soak: dev soak-tools ministack $(READERS) $(DYNAMODB_LOCAL) ## Repeat the evidence with more of everything (at most 90 minutes)
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target soak-model soak-others
	.venv/bin/python -m tests.evidence

.PHONY: soak-model soak-others
soak-model:
	SOAK=1 $(PYTEST) tests/model

soak-others:
	SOAK=1 $(PYTEST) tests/explorer tests/readers tests/integration/test_forged_logins.py tests/integration/test_any_input.py \
	    tests/integration/test_no_leaks.py tests/integration/test_fault_plan.py
	SOAK=1 $(PYTEST) tests/e2e/test_strangers_input.py
	$(SUDO) unshare -n sh -c 'ip link set lo up && SOAK=1 exec $(PYTEST) tests/engine'

mutants: dev ## Test the tests: change one thing at a time, and list the changes that no test notices
	.venv/bin/python -m tests.mutation

evidence: ## Write the figures of the last runs into docs/evidence.md
	.venv/bin/python -m tests.evidence

soak-tools: tools
	@command -v keepassxc-cli >/dev/null && command -v gpg >/dev/null && pass otp --help >/dev/null 2>&1 || \
	    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
	    keepassxc pass pass-extension-otp gnupg
	.venv/bin/python -c "from infra.environment import ROOT, ensure; ensure(ROOT / 'tests' / 'readers' / 'requirements.txt')"

# Nothing can be installed inside the network namespace.
engine: ministack

ministack: dev
	.venv/bin/python -c "from infra.rehearsal import emulator as it; it.ensure(it.REQUIREMENTS, it.HOME)"

$(READERS): tests/readers/package-lock.json | tools
	mkdir -p build/readers
	cp tests/readers/package.json tests/readers/package-lock.json build/readers/
	npm ci --prefix build/readers --silent --no-audit --no-fund
	touch $@

clean: ## Remove what was installed and built
	rm -rf .venv build .coverage .coverage-of-* .mypy_cache .pytest_cache .ruff_cache .hypothesis
