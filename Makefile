# Everything a person runs here. `make demo` and `make test` need only Python 3.11 and make.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))
BIN := .venv/bin
READY := .venv/ready
# One more than two cores: a quarter of the time, tests wait for processes and the database.
JOBS ?= 3
# The tests start hundreds of processes, each of which would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

# For checks that load the settings: the rules of production, with secrets that nothing uses.
CHECK_ENV = SECRET_KEY=check-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLM \
	TOKEN_KEYS=check:Y2hlY2stb25seS0wMTIzNDU2Nzg5YWJjZGVmZ2hpams= \
	DATABASE_URL=postgres://check@127.0.0.1:1/check PUBLIC_URL=https://countersign.example

.PHONY: help setup demo test test-campaigns check check-fast chromium coverage assets screenshots release-dump lock clean image-test fuzz faults batches

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

setup: $(READY) ## only install into .venv

$(READY): requirements.txt requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "Countersign needs Python 3.11 or newer: install python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Countersign needs Python 3.11 or newer: $(PYTHON) is older (PYTHON= names another)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv \
		|| { rm -rf .venv; echo "Python's venv module is missing: install python3-venv"; exit 1; }
	@# Wheels alone, so that no package's code runs; yattag (of cosmic-ray) has none. Without looking for
	@# dependencies: the locks are complete, and pip takes no pin for one with an extra (coverage[toml]).
	@echo "Installing into .venv (a few minutes the first time) ..."
	@for lock in requirements.txt requirements-dev.txt; do \
		$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes --no-deps \
			--only-binary :all: --no-binary yattag -r $$lock \
			| sed -u -n -e 's/^Collecting \([^ ]*\).*/  \1/p' -e 's/^Installing collected packages.*/  installing .../p'; \
	done
	@$(BIN)/python -m pip check --disable-pip-version-check >/dev/null || { $(BIN)/python -m pip check; exit 1; }
	@touch $@

demo: $(READY) ## run the whole service on this machine, with orders arriving
	@exec $(BIN)/python manage.py demo

.PHONY: manage
manage: $(READY) ## run a command with the settings of the running demo: ARGS="grant ada@example.com --site auditor"
	@exec $(BIN)/python -m local.supervisor.manage $(ARGS)

PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

test: $(READY) chromium ## run all tests but the campaigns; ROOM=actions one directory, CHANGED=1 what a change touches, COVERAGE=1 report
ifdef COVERAGE
	@$(MAKE) coverage
	@$(PYTEST) $(UNMEASURED:%=tests/%)
else ifdef CHANGED
	@tests=$$($(BIN)/python -m tests.changed $(CHANGED)); \
		if [ -z "$$tests" ]; then echo "No test depends on what has changed."; else $(PYTEST) $$tests; fi
else
	@$(PYTEST) $(if $(ROOM),tests/$(ROOM)) $(TESTS)
endif

test-campaigns: $(READY) chromium ## kills, faults, generated requests, every page in each look
	@$(PYTEST) -m campaign

# What these test runs in processes of their own, or again: coverage makes it slow and finds no more lines.
# `make test COVERAGE=1` runs all others under coverage and then these: every test, and each one once.
UNMEASURED = abuse batches bench browser contract deploy fake_aws faults flow fuzz image local mutants releases

coverage: $(READY) ## run the tests of the modules under coverage, and report
	@rm -rf var/coverage && mkdir -p var && mkdir -m 1777 var/coverage # one test runs a process as the user nobody
	@$(BIN)/python -m coverage run -m pytest -n $(JOBS) --dist worksteal $(UNMEASURED:%=--ignore=tests/%)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report

INSTALL = DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends
chromium:
	@command -v chromium-headless-shell >/dev/null || { \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
		&& echo "Installing Chromium for the browser tests ..." && apt-get update -qq \
		&& { $(INSTALL) chromium-headless-shell || $(INSTALL) chromium; } >/dev/null 2>&1; \
		} || command -v chromium >/dev/null \
		|| { echo "The browser tests need Chromium: install it (Debian: apt-get install chromium-headless-shell)"; exit 1; }

check-fast: $(READY) ## the checks that take seconds: format, lint, layers, workflows
	@$(BIN)/ruff format --check --quiet . || { echo "ruff format would change files: run .venv/bin/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python manage.py lint_workflow approvals/orchestration/definitions/*.asl.json docs/examples/*.asl.json

check: check-fast ## all checks: those, types, settings, migrations, API document, templates
	@$(CHECK_ENV) $(BIN)/mypy .
	@$(CHECK_ENV) $(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(CHECK_ENV) $(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	@$(CHECK_ENV) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	@$(BIN)/cfn-lint deploy/*.yaml

assets: ## build the style sheet (needs npm; the result is committed)
	@command -v npm >/dev/null || { echo "make assets needs npm: install Node.js"; exit 1; }
	@npm ci --silent
	@npm run --silent build

screenshots: $(READY) chromium ## take the screenshots of docs/screenshots
	@$(BIN)/python -m pytest tests/browser/screenshots.py --quiet -p no:cacheprovider

release-dump: $(READY) ## write tests/releases/<version>.sql.gz, the upgrade test's input
	@$(BIN)/python -m tests.releases.dump

.PHONY: reference
reference: $(READY) ## write the reference pages of docs/reference from the code
	@$(BIN)/python -m tests.reference

# Versions of what makes and audits the locks; they are installed beside .venv and ship with nothing.
UV = uv==0.13.9
AUDIT = pip-audit==2.10.1 pip-licenses==5.5.5 cyclonedx-bom==7.5.0
COMPILE = var/tools/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

lock: ## write requirements.txt and requirements-dev.txt from pyproject.toml; pins stay, UPGRADE=1 renews them
	@rm -rf var/tools && $(PYTHON) -m venv var/tools && var/tools/bin/python -m pip install --quiet '$(UV)'
	@$(COMPILE) pyproject.toml --extra service --output-file requirements.txt
	@$(COMPILE) --group dev --constraints requirements.txt --output-file requirements-dev.txt
	@rm -rf var/tools

.PHONY: audit-deps sbom
audit-deps: $(READY) ## look for known vulnerabilities in both locks, and for licences that are not allowed (asks the network)
	@rm -rf var/tools && $(PYTHON) -m venv var/tools && var/tools/bin/python -m pip install --quiet $(AUDIT)
	@for lock in requirements.txt requirements-dev.txt; do \
		echo "$$lock:"; var/tools/bin/pip-audit --disable-pip --require-hashes --progress-spinner off -r $$lock; done
	@var/tools/bin/pip-licenses --python $(BIN)/python --partial-match --fail-on '$(REFUSED_LICENCES)' \
		--packages $$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' requirements.txt)
	@rm -rf var/tools

# Of what ships. LGPL is used as a library and stays replaceable.
REFUSED_LICENCES = GNU General Public License;GNU Affero;AGPL;SSPL

sbom: ## write var/sbom.json: what ships, as CycloneDX
	@rm -rf var/tools && $(PYTHON) -m venv var/tools && var/tools/bin/python -m pip install --quiet $(AUDIT)
	@var/tools/bin/cyclonedx-py requirements --output-reproducible --of JSON -o var/sbom.json requirements.txt
	@rm -rf var/tools

clean: ## remove what the targets have installed and made
	@rm -rf .venv var node_modules staticfiles .coverage*

faults: $(READY) ## inject faults and count what is lost: CAMPAIGN= only one, SCALE=0.05 a twentieth
	@$(BIN)/python -m tests.faults $(CAMPAIGN) --scale $(or $(SCALE),1) $(if $(SEED),--seed $(SEED))

.PHONY: abuse
abuse: $(READY) ## attack the running service beside honest users and write var/abuse.json: ATTACK= only one, SCALE=0.05, SEED=
	@$(BIN)/python -m tests.abuse $(ATTACK) --scale $(or $(SCALE),1) $(if $(SEED),--seed $(SEED))

.PHONY: bench
bench: $(READY) ## measure and write var/bench.json: SIZE=1k|10k|100k|1M|10M, RUNS=3, ROWS="decision list" only these
	@$(BIN)/python -m tests.bench $(ROWS) --size $(or $(SIZE),100k) --runs $(or $(RUNS),3)

batches: $(READY) ## start 10,000 orders and 1,000 by two workflows, killed twice: MODE= only one, ORDERS= how many
	@$(BIN)/python -m tests.batches $(MODE) $(if $(ORDERS),--orders $(ORDERS)) --seed $(or $(SEED),1)

fuzz: $(READY) ## send CASES=5000 generated requests to the API and write var/fuzz.json (SEED= other ones)
	@FUZZ_CASES=$(or $(CASES),5000) FUZZ_SEED=$(or $(SEED),1) \
		$(BIN)/python -m pytest -m campaign tests/fuzz/test_schema.py --quiet --tb=line -p no:cacheprovider

.PHONY: fuzz-readers
fuzz-readers: $(READY) ## fuzz the readers of messages, maps, order files and definitions by coverage: SECONDS=600, TARGET= only one
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600) $(TARGET)

.PHONY: mutants
mutants: $(READY) ## make SAMPLE=300 small wrong changes of the core, which the tests must notice (SEED= other ones)
	@$(BIN)/python -m tests.mutants --sample $(or $(SAMPLE),300) --jobs $(JOBS) $(if $(SEED),--seed $(SEED))

image-test: $(READY) ## build the image without Docker and run a decision through its processes (Debian, root)
	@test "$$(id -u)" = 0 || { echo "make image-test enters the image it builds: run it as root"; exit 1; }
	@for name in buildah mmdebstrap; do command -v $$name >/dev/null || missing="$${missing:-} $$name"; done; \
		test -z "$${missing:-}" || { command -v apt-get >/dev/null && echo "Installing$$missing ..." \
		&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
		} || { echo "make image-test needs$$missing: install it (Debian: apt-get install$$missing)"; exit 1; }
	@$(BIN)/python -m pytest tests/image/image_checks.py --quiet -p no:cacheprovider
