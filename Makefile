# Every target installs what it needs into .venv on first use; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 3000
APP_PORT ?= 8501
ENV ?=
BIN := .venv/bin
# A stamp is named after the folder's path, so a .venv that was moved or copied is rebuilt.
HERE := $(firstword $(shell printf '%s' '$(CURDIR)' | cksum))
VENV := .venv/.venv-$(HERE)
RUN := .venv/.run-$(HERE)
DEV := .venv/.dev-$(HERE)
ENV_OPTION := $(if $(ENV),--env $(ENV))
# Tests that start no process, on all cores; then everything once, end to end.
QUICK := tests/unit tests/pipelines $(if $(FAST),-m fast,tests/story -m "fast or slow or story") \
	--numprocesses logical --maxprocesses 8 --dist loadfile
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode

.PHONY: help run serve app viz ui test verify prove check format bench bench-serve image audit lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 13

run: $(RUN) ## train, track, register, promote and package a model (ENV=name for another environment)
	@$(BIN)/kedro run $(ENV_OPTION)

serve: $(RUN) ## serve the production model over HTTP (PORT=3000)
	@$(BIN)/python -m salary_kedro.serving.ports $(PORT) "make serve PORT=$$(($(PORT) + 1))"
	@$(if $(ENV),KEDRO_ENV=$(ENV)) $(BIN)/bentoml serve --port $(PORT)

app: $(RUN) ## open a web page to try the model (APP_PORT=8501)
	@$(BIN)/python -m salary_kedro.serving.ports $(APP_PORT) "make app APP_PORT=$$(($(APP_PORT) + 1))"
	@$(BIN)/streamlit run app/streamlit_app.py --server.port $(APP_PORT)

viz: $(RUN) ## open Kedro-Viz: the pipelines, their layers and the plots
	@$(BIN)/kedro viz run $(ENV_OPTION)

ui: $(RUN) ## open MLflow: the runs, the registered versions and their tags
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/kedro mlflow ui $(ENV_OPTION)

# PASSIVE: waiting threads of scikit-learn leave the core to other tests.
test: $(DEV) ## run the quick tests, then everything once end to end (FAST=1: only the quick tests; PYTEST="-k name": only those)
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest $(or $(PYTEST),$(QUICK)) $(COVERAGE)

verify: $(DEV) ## run every test, a tenth of the proofs, and measure branch coverage
	@.ci/verify

prove: $(DEV) ## prove the guarantees with crashes, races, unseen tables, load and attacks, for two hours (PROVE="--tenth --seed 1")
	@cd tests && ../$(BIN)/python -m proofs $(PROVE)

check: $(DEV) ## check style, formatting, types and which package imports which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(DEV) ## fix what ruff can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

image: $(DEV) ## build container images for service and page, with docker or podman (BASE=image for another base; EXACT=1 with scikit-learn)
	@$(if $(ENV),KEDRO_ENV=$(ENV)) deploy/build-image $(BIN)

audit: $(DEV) ## check the locked packages for known vulnerabilities
	@$(BIN)/python .ci/audit requirements*.lock

bench: $(DEV) ## measure start-up against bare Kedro, training, validation and scoring against bare scripts, readers against libraries (ROUNDS=5 ROWS=5000000)
	@$(BIN)/python benchmarks/start.py $(if $(ROUNDS),--rounds $(ROUNDS))
	@$(BIN)/python benchmarks/training.py $(if $(ROUNDS),--rounds $(ROUNDS))
	@$(BIN)/python benchmarks/tables.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ROWS),--rows $(ROWS))
	@$(BIN)/python benchmarks/readers.py $(if $(ROUNDS),--rounds $(ROUNDS))

bench-serve: $(DEV) ## measure the service beside other servers, for an hour (SHORT=1: 3 minutes; BASE=HEAD~1: one request, against another commit's code)
	@cd benchmarks && ../$(BIN)/python $(if $(BASE),one_request.py --base $(BASE),-m bench_serve $(if $(SHORT),--short)) $(if $(ROUNDS),--rounds $(ROUNDS))

lock: $(RUN) ## resolve the dependencies again and write the five lock files
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
