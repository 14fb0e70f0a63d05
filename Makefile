# `make help` names every target. Nothing is decided here: the commands of `flask` do the work,
# so that whoever has no make loses nothing (see README.md).

PYTHON ?= python3
PORT ?= 8000
DEMO_MCP_PORT ?= 8001
# Processes of the test suite: one more than a small machine has cores, because many of its tests wait.
JOBS ?= 3

VENV := .venv
# A server of others, for tests; without npm they say that they are skipped.
EVERYTHING := tests/mcp_servers/everything
LIGHTHOUSE := tests/lighthouse
BIN := $(VENV)/bin
# Through `python -m`, never through a script of the venv: those hold the folder's path and die when it moves.
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
# Before pip 23.3 `name[extra]` and `name` are two needs, and whichever has no pin of its own gets the newest.
PIN_PLAIN := $(PYTHON) -c 'import pathlib, re, sys; file = pathlib.Path(sys.argv[1]); file.write_text(re.sub( \
	r"(?m)^([\w.-]+)\[.*?\](==(?:.*\\\n)*.*\n)", r"\1\2\g<0>", file.read_text()))'

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help run serve test bench bench-quick scale load soak screenshots gallery lighthouse translations check lint types templates-lint migrations-check unit browser format lock clean

help: ## Name every target
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name what; do \
		printf '%-24s %s\n' "$$name" "$$what"; done

run: $(VENV)/.run-stamp ## Install, set up and serve, with a demo MCP server (PORT=8000, DEMO_MCP_PORT=8001)
	@exec env APP_ENV=development $(BIN)/python -m flask --app wsgi quickstart --serve \
		--port $(PORT) --demo-port $(DEMO_MCP_PORT)

serve: $(VENV)/.run-stamp ## Serve with gunicorn, as in production; settings from the environment or .env
	@exec $(BIN)/python -m gunicorn -c docs/deployment/gunicorn.conf.py -b 127.0.0.1:$(PORT) wsgi:app

test: unit browser ## Install and run the whole suite

check: lint types templates-lint migrations-check test bench-quick ## Everything that must be green; what CI runs

lint: $(VENV)/.dev-stamp ## Style, order of imports and known mistakes
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: $(VENV)/.dev-stamp ## Types, strictly
	$(BIN)/python -m mypy

templates-lint: $(VENV)/.dev-stamp ## Mistakes in templates
	$(BIN)/python -m djlint --quiet --lint templates

migrations-check: $(VENV)/.dev-stamp ## Schema up, compared with the models, down and up again, on an empty SQLite file
	@folder="$$(mktemp -d)" && trap 'rm -rf "$$folder"' EXIT && \
		export APP_ENV=development INSTANCE_PATH="$$folder" DATABASE_URL="sqlite:///check.db" LOG_LEVEL=warning && \
		for step in upgrade check "downgrade base" upgrade; do \
			echo "flask db $$step" && $(BIN)/python -m flask --app wsgi db $$step >"$$folder/out" 2>&1 || \
			{ cat "$$folder/out"; exit 1; }; \
		done

unit: $(VENV)/.dev-stamp $(EVERYTHING)/node_modules/.stamp ## All tests but those in a browser; on PostgreSQL too when TEST_DATABASE_URL names one
	$(BIN)/python -m pytest -n $(JOBS) --ignore=tests/browser tests

# A process of its own: Playwright leaves an event loop behind, in which `asyncio.run` of other tests fails.
browser: $(VENV)/.dev-stamp ## Tests in Chromium
	$(BIN)/python -m pytest -n $(JOBS) tests/browser

bench: $(VENV)/.dev-stamp ## Measure each ratio of docs/performance.md against its floor, in the same run; on PostgreSQL too when TEST_DATABASE_URL names one
	@LOG_LEVEL=error $(BIN)/python -m tests.benchmarks

bench-quick: $(VENV)/.dev-stamp ## The same in under a minute, by ratios alone: has anything become slower?
	@LOG_LEVEL=error $(BIN)/python -m tests.benchmarks --quick --json test-results/bench-quick.json

scale: $(VENV)/.dev-stamp ## Compare every page on a small database and on a large one; takes an hour (ROWS="PEOPLE SERVERS TOKENS EVENTS")
	@LOG_LEVEL=error $(BIN)/python -m tests.benchmarks.scale $(ROWS)

load: $(VENV)/.dev-stamp ## Load a site for a minute as people do, slow and dead MCP servers among what they call
	@LOG_LEVEL=error $(BIN)/python -m tests.load

soak: $(VENV)/.dev-stamp ## The same for ten minutes
	@LOG_LEVEL=error $(BIN)/python -m tests.load --minutes 10

screenshots: $(VENV)/.dev-stamp ## Draw the pictures of both READMEs anew
	@LOG_LEVEL=error $(BIN)/python -m tests.browser.screenshots

gallery: $(VENV)/.dev-stamp ## Draw every page in every size, theme and language, to be looked at
	@LOG_LEVEL=error $(BIN)/python -m tests.browser.gallery

lighthouse: $(VENV)/.dev-stamp $(LIGHTHOUSE)/node_modules/.stamp ## Measure pages with Lighthouse against 95; needs npm, reaches no other machine
	@LOG_LEVEL=error $(BIN)/python -m tests.lighthouse

translations: $(VENV)/.dev-stamp ## Bring the catalogues of translations up to the code, compile them, and say what is missing
	@$(BIN)/python -m tests.translations

format: $(VENV)/.dev-stamp ## Write the code as `make lint` wants it
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

lock: ## Compile requirements*.txt from pyproject.toml (needs uv)
	$(COMPILE) --extra postgres --extra redis pyproject.toml -o requirements.txt
	$(PIN_PLAIN) requirements.txt
	$(COMPILE) --extra postgres --extra redis --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	$(PIN_PLAIN) requirements-dev.txt

clean: ## Remove the virtual environment and caches; never data
	rm -rf $(VENV) $(EVERYTHING)/node_modules $(LIGHTHOUSE)/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis test-results

# Stamps stand in the venv, so that they go with it. Behind the bar: a touched python installs nothing again.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'MCP Market needs Python 3.11 or newer, and "$(PYTHON)" is not. Name another: make PYTHON=python3.12 $(MAKECMDGOALS)' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo 'Python could not make a virtual environment. On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; }

$(VENV)/.run-stamp: requirements.txt | $(BIN)/python
	@echo "Installing what MCP Market needs into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements.txt
	@touch $@

$(EVERYTHING)/node_modules/.stamp: $(EVERYTHING)/package-lock.json
	@if command -v npm >/dev/null && (cd $(EVERYTHING) && npm ci --silent --ignore-scripts --no-audit --no-fund); \
		then touch $@; else echo 'Without npm, tests against server-everything are skipped.' >&2; fi

$(LIGHTHOUSE)/node_modules/.stamp: $(LIGHTHOUSE)/package-lock.json
	@cd $(LIGHTHOUSE) && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# Holds all of requirements.txt, at the same versions: a test compares them.
$(VENV)/.dev-stamp: requirements-dev.txt | $(BIN)/python
	@echo "Installing what MCP Market and its tests need into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $(VENV)/.run-stamp $@
