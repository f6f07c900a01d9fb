# Every target installs what it needs into .venv on first use; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 3000
APP_PORT ?= 8501
UI_PORT ?= 5000
VIZ_PORT ?= 4141
ENV ?=
BIN := .venv/bin
# A stamp is named after the folder's path, so a .venv that was moved or copied is rebuilt.
HERE := $(firstword $(shell printf '%s' '$(CURDIR)' | cksum))
VENV := .venv/.venv-$(HERE)
RUN := .venv/.run-$(HERE)
DEV := .venv/.dev-$(HERE)
ENV_OPTION := $(if $(ENV),--env $(ENV))
ENV_NAMED := $(if $(ENV), ENV=$(ENV))
# Tests that start no process, on all cores; then everything once, end to end.
QUICK := tests/unit tests/pipelines $(if $(FAST),-m fast,tests/story -m "fast or slow or story") \
	--numprocesses logical --maxprocesses 8 --dist loadfile
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode

.PHONY: help run serve app viz viz-site ui test verify prove check format bench bench-curve bench-serve bench-all image audit docs screenshots lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 13

run: $(RUN) ## train, register, promote and package a model (ENV=name)
	@$(BIN)/kedro run $(ENV_OPTION)

serve: $(RUN) ## serve the production model over HTTP (PORT=3000)
	@$(BIN)/python -m salary_kedro.serving.ports $(PORT) "make serve$(ENV_NAMED) PORT=$$(($(PORT) + 1))" "SALARY_SERVICE_URL=http://127.0.0.1:$$(($(PORT) + 1)) make app"
	@$(if $(ENV),KEDRO_ENV=$(ENV)) $(BIN)/bentoml serve --port $(PORT)

app: $(RUN) ## open a web page to try the model (APP_PORT=8501)
	@$(BIN)/python -m salary_kedro.serving.ports $(APP_PORT) "make app APP_PORT=$$(($(APP_PORT) + 1))"
	@$(BIN)/streamlit run app/streamlit_app.py --server.port $(APP_PORT)

viz: $(RUN) ## open Kedro-Viz: pipelines, layers and plots (VIZ_PORT=4141)
	@$(BIN)/python -m salary_kedro.serving.ports $(VIZ_PORT) "make viz VIZ_PORT=$$(($(VIZ_PORT) + 1))$(if $(ENV), ENV=$(ENV))"
	@$(BIN)/kedro viz run --port $(VIZ_PORT) $(ENV_OPTION)

viz-site: $(RUN) ## save Kedro-Viz as a static site in build/, without rows
	@$(if $(ENV),KEDRO_ENV=$(ENV)) $(BIN)/kedro viz build

ui: $(RUN) ## open MLflow: the runs and registered versions (UI_PORT=5000)
	@$(BIN)/kedro models ui --port $(UI_PORT) $(ENV_OPTION)

test: $(DEV) ## run the quick tests and one whole run (FAST=1, PYTEST="-k name")
	@$(BIN)/pytest $(or $(PYTEST),$(QUICK)) $(COVERAGE)

verify: $(DEV) ## run every test, a tenth of the proofs, and measure branch coverage
	@.ci/verify

prove: $(DEV) ## prove the guarantees, for two hours (PROVE="--tenth --seed 1")
	@cd tests && ../$(BIN)/python -m proofs $(PROVE)

check: $(DEV) ## check style, formatting, types and which package imports which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(DEV) ## fix what ruff can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

image: $(DEV) ## build images of service and page (BASE=image, EXACT=1)
	@$(if $(ENV),KEDRO_ENV=$(ENV)) deploy/build-image $(BIN)

audit: $(DEV) ## check the locked packages for known vulnerabilities
	@$(BIN)/python .ci/audit requirements*.lock

docs: $(DEV) ## build the pages of docs/ as a site, build/docs/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "Open build/docs/index.html, or with its search: $(BIN)/python -m http.server --directory build/docs"

screenshots: $(DEV) ## take the pictures of docs/pictures from what runs
	@cd tests && ../$(BIN)/python screenshots.py

bench: $(DEV) ## measure everything but the service (ROUNDS=5 ROWS=5000000)
	@failed=; for part in start training orchestrators tables readers tournament page registry; do \
		rows=; if [ $$part = tables ]; then rows="$(if $(ROWS),--rows $(ROWS))"; fi; \
		$(BIN)/python benchmarks/$$part.py $(if $(ROUNDS),--rounds $(ROUNDS)) $$rows || failed="$$failed $$part"; \
	done; [ -z "$$failed" ] || { echo "beyond a limit, or failed:$$failed" >&2; exit 1; }

bench-serve: $(DEV) ## measure the service for an hour (SHORT=1, BASE=HEAD~1)
	@cd benchmarks && ../$(BIN)/python $(if $(BASE),one_request.py --base $(BASE),-m bench_serve $(if $(SHORT),--short)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-all: $(DEV) ## measure all that benchmarks/README.md tells, for hours
	@$(MAKE) --no-print-directory --keep-going bench bench-curve bench-serve

bench-curve: $(DEV) ## measure validation from 10^4 rows to 10^7, and plot it
	@$(BIN)/python benchmarks/curve.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ROWS),--most $(ROWS))

lock: $(RUN) ## resolve the dependencies again and write the eight lock files
	@.ci/lock $(BIN)/uv

clean: ## remove .venv and the tools' caches; runs, models and data stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage

# The environment: first the runtime dependencies, later the development tools.
$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Error: '$(PYTHON)' is not Python 3.11 or later. Install one, or name it: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Error: '$(PYTHON)' has no venv module. Install it (Debian, Ubuntu: apt install python3-venv), or name another Python: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up .venv (once, about a minute) ..."
	@$(PYTHON) -m venv --clear .venv
	@sed -n '/^uv==/,/^    # via/p' requirements.lock > .venv/uv.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	@touch $@

# The defaults are set whenever Python starts; that package is then unloaded, so that a Bento, or
# another project, that runs in this environment imports its own.
$(RUN): requirements.lock pyproject.toml | $(VENV)
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@echo "import sys, salary_kedro.project.defaults; [sys.modules.pop(n) for n in list(sys.modules) if n.partition('.')[0] == 'salary_kedro']" \
		>"$$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])')/salary_kedro_defaults.pth"
	@touch $@

$(DEV): requirements-dev.lock | $(RUN)
	@echo "Adding the development tools ..."
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@
