# Every target installs the packages that it needs. `make help` lists the targets.

# The newest that Lambda has and that runs here: a version manager leaves names of versions that do not.
PYTHON ?= $(shell for found in python3.13 python3.12 python3.11 python3; do \
    $$found -c "" 2>/dev/null && command -v $$found && break; done)
PYTEST := .venv/bin/python -m pytest
QUICK := tests/unit tests/integration tests/deployment
MEASURED := --cov --cov-report=
# Two run at once, the longest first.
PARTS := browser unit e2e rehearse model engine permissions types lint
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
CHINESE_FONT := /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc
AXE := build/axe-core/package/axe.min.js
JOSE := build/jose/package/package.json
DYNAMODB_LOCAL := build/dynamodb-local/package/emulator/DynamoDBLocal.jar
LOCK = .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --custom-compile-command "make lock" \
    $(if $(UPGRADE),--upgrade)
DEPLOY := exec $(PYTHON) -m infra.deploy
WHERE = --stage "$(STAGE)" $(if $(REGION),--region "$(REGION)")
IAM_SIMULATOR := build/permissions/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help run conformance check test lint types unit model engine permissions permissions-page e2e rehearse browser \
    screenshots coverage deploy plan rollback destroy bootstrap package link lock dev tools clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Serve the local stack on http://127.0.0.1:8000 (PORT=... for another) until interrupted
	@exec $(PYTHON) -m infra.local

conformance: ## Replay the checklist of docs/clients.md; URL=... for a freshly started stack
	@exec $(PYTHON) -m infra.local.conformance $(URL)

check: lint types ## Run the quick tests, which need only Python and pip
	$(PYTEST) -n 2 $(QUICK)

test: dev tools $(DYNAMODB_LOCAL) $(IAM_SIMULATOR) $(AXE) $(JOSE) ## Run every test; installs Debian and npm packages (root or sudo)
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target $(PARTS)
	@$(MAKE) --no-print-directory coverage

lint: dev ## Check style with ruff, layers with import-linter, and templates with cfn-lint
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-logo --cache-dir build/import-linter
	.venv/bin/pre-commit validate-config
	.venv/bin/cfn-lint --regions ap-east-1 us-east-1 -t $(filter-out %/service.yaml,$(wildcard infra/templates/*.yaml))

types: dev ## Check types with mypy --strict, for the oldest and the newest Python
	.venv/bin/mypy
	.venv/bin/mypy --python-version 3.13

unit: dev ## Test the core, and the handlers and the deployment on moto
	COVERAGE_FILE=.coverage-of-unit $(PYTEST) $(QUICK) $(MEASURED)

model: dev ## Test every interleaving of two and three operations, and random stories against a model
	$(PYTEST) tests/explorer tests/model

engine: dev tools $(DYNAMODB_LOCAL) ## Test races on DynamoDB Local, in its own network namespace
	$(SUDO) unshare -n sh -c 'ip link set lo up && COVERAGE_FILE=.coverage-of-engine exec $(PYTEST) tests/engine $(MEASURED)'

permissions: dev $(IAM_SIMULATOR) ## Compare the roles with their table and with the calls of each function
	$(PYTEST) tests/permissions

permissions-page: dev ## Generate docs/permissions.md from its table
	.venv/bin/python -m tests.permissions.page

e2e: dev tools $(JOSE) ## Test the running local stack over HTTP, with oathtool and zbarimg, and the gateway's programs
	$(PYTEST) tests/e2e

rehearse: ## Deploy, use, upgrade and take down a stage on MiniStack
	@exec $(PYTHON) -m infra.rehearsal

browser: dev tools $(AXE) ## Test the page in Debian's Chromium, and its accessibility with axe-core
	$(PYTEST) tests/browser

screenshots: dev tools ## Take the pictures in docs/images/
	.venv/bin/python -m tests.browser.screenshots

coverage: dev ## Print line and branch coverage of the latest unit and engine tests
	.venv/bin/coverage combine --keep --quiet .coverage-of-unit .coverage-of-engine
	.venv/bin/coverage report --include 'infra/*'
	.venv/bin/coverage report --include 'app.py,chalicelib/*' --fail-under 95

deploy: ## Create or update a stage: STAGE=prod; REGION=... for another than its file's
	@$(DEPLOY) deploy $(WHERE)

plan: ## Print what a deployment would change, and change nothing: STAGE=prod
	@$(DEPLOY) plan $(WHERE)

rollback: ## Return a stage to the release before: STAGE=prod
	@$(DEPLOY) rollback $(WHERE)

destroy: ## Remove a stage's service and keep its data: STAGE=prod; WITH_DATA=1 to remove that too
	@$(DEPLOY) destroy $(if $(WITH_DATA),--with-data) $(WHERE)

bootstrap: ## Create or update a stage's data, roles and policies, as an administrator: STAGE=prod
	@$(DEPLOY) bootstrap $(WHERE)

package: ## Package without deploying, and print the sizes; with STAGE=prod the commands that deploy it
	@$(DEPLOY) package $(if $(STAGE),$(WHERE))

link: ## Let chalice logs, invoke and url find a stage from this clone: STAGE=prod
	@$(DEPLOY) link $(WHERE)

lock: dev ## Lock the packages of pyproject.toml with their dependencies; UPGRADE=1 for newer dependencies
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) pyproject.toml --group local --constraints requirements.txt --output-file infra/local/requirements.txt
	$(LOCK) pyproject.toml --group dev --constraints infra/local/requirements.txt --output-file requirements-dev.txt
	$(LOCK) pyproject.toml --group deploy --constraints requirements.txt --output-file infra/deploy/requirements.txt
	$(LOCK) --group rehearsal --output-file infra/rehearsal/requirements.txt

dev: ## Create or update the virtual environment
	@$(PYTHON) -m infra.environment

tools: ## Install the Debian packages that the tests need
	@for pair in oathtool:oathtool zbarimg:zbar-tools java:default-jre-headless npm:npm ip:iproute2 \
	    unshare:util-linux chromium-headless-shell:chromium-headless-shell curl:curl g++:g++ \
	    pkg-config:pkg-config; do \
	  command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair##*:}"; \
	done; \
	pkg-config --exists jose 2>/dev/null || missing="$$missing libjose-dev"; \
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

$(JOSE): | tools
	mkdir -p build/jose
	npm pack --silent --pack-destination build/jose jose@5.10.0
	tar -xzf build/jose/jose-5.10.0.tgz -C build/jose
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

clean: ## Remove installed packages and build results
	rm -rf .venv .venv-deploy build .coverage .coverage-of-* .mypy_cache .pytest_cache .ruff_cache .hypothesis
