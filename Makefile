# Every step that a person or CI takes is a target here; `make help` lists them.
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python

.PHONY: help run setup test test-slow check integration schemathesis faults record browser bench bench-api bench-training bench-volume lock sessions clean test-training train starter
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

# Training stands apart: torch's wheels differ by machine.
TRAINING := .venv-training

$(UV):
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# What `make run` needs: no torch, no compilers, no test tools.
$(VENV)/.run: infra/requirements.lock pyproject.toml | $(UV)
	$(INSTALL) --require-hashes -r infra/requirements.lock
	$(INSTALL) --no-deps -e .
	@touch $@

# What tests and checks need beside it, resolved together with it.
$(VENV)/.dev: requirements.lock pyproject.toml | $(UV)
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps -e .
	@touch $(VENV)/.run $@

# Variables given to make (ONCE=1, MARKET=replay, ...) reach the program through its environment.
# exec: a shell in between would die of Ctrl+C, and make report an error.
run: $(VENV)/.run ## the whole product on this machine; ONCE=1 JSON=1 MARKET=simulated|replay|live CANDLES= AT= HOURS= PORT=
	@exec env PYTHONPATH=functions/api $(BIN)/python -m infra.local

# Libraries and tests are compiled once, also where the environment says that Python writes no byte code:
# each worker would otherwise compile all of them anew, 12 seconds of a core each time.
export PYTHONDONTWRITEBYTECODE :=

# One worker for each core, each with one thread; a worker that is done takes over what another has left.
WORKERS ?= auto
PARALLEL := -n $(WORKERS) --maxprocesses 8 --dist worksteal $(TESTS)
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest
PYTEST_TRAINING := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(TRAINING)/bin/python -m pytest

setup: $(VENV)/.run ## ask what to serve and from whom, check it, and write growfolio.toml for make run and make deploy
	@exec env PYTHONPATH=functions/api $(BIN)/python -m infra.local.setup

test: $(VENV)/.dev $(TRAINING)/.ready ## the tests of every change: no Java, no browser, nothing slow; TESTS=more options of pytest
	$(PYTEST) tests/unit tests/integration $(PARALLEL)
	$(PYTEST_TRAINING) tests/training $(PARALLEL)

test-slow: $(VENV)/.dev $(TRAINING)/.ready .venv-sam/.ready ## the tests that `make test` leaves out as slow
	$(PYTEST) tests/unit tests/integration -m "slow and not dynamodb_local" $(PARALLEL)
	$(PYTEST_TRAINING) tests/training -m slow $(PARALLEL)

check: $(VENV)/.dev $(TRAINING)/.ready ## lint, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(TRAINING)/bin/mypy training infra/record.py $$(find tests/training -name '*.py') tests/benchmarks/models.py tests/benchmarks/t*.py tests/benchmarks/re*.py tests/benchmarks/serving.py
	PYTHONPATH=functions/api $(BIN)/lint-imports

# Amazon publishes DynamoDB Local in its Amplify tools; the checksum pins what the package held.
DYNAMODB_LOCAL := .cache/dynamodb-local
DYNAMODB_VERSION := 2.9.30
DYNAMODB_SHA256 := 3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9
$(DYNAMODB_LOCAL)/.$(DYNAMODB_VERSION):
	@command -v java >/dev/null || { echo "DynamoDB Local needs Java 17 (openjdk-17-jre-headless)"; exit 1; }
	rm -rf $(DYNAMODB_LOCAL) && mkdir -p $(DYNAMODB_LOCAL)
	cd $(DYNAMODB_LOCAL) && npm pack --silent amplify-dynamodb-simulator@$(DYNAMODB_VERSION) && mv *.tgz package.tgz
	cd $(DYNAMODB_LOCAL) && echo "$(DYNAMODB_SHA256)  package.tgz" | sha256sum --check --quiet
	cd $(DYNAMODB_LOCAL) && tar -xzf package.tgz --strip-components=2 package/emulator && rm package.tgz
	@touch $@

integration: $(VENV)/.dev $(DYNAMODB_LOCAL)/.$(DYNAMODB_VERSION) ## the store on Amazon's DynamoDB Local; needs Java 17 and npm
	$(PYTEST) tests/unit tests/integration -m dynamodb_local $(PARALLEL)

schemathesis: $(VENV)/.dev ## the API held to its OpenAPI document by generated requests, about a minute
	$(BIN)/python -m tests.conformance

faults: $(VENV)/.dev ## bad days of providers and stores beside a good one: a table, an error where one does harm
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.faults

record: $(TRAINING)/.ready ## replay two days, settle, print the record, hold it against training; CANDLES= MODELS= AT= HOURS=
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(TRAINING)/bin/python -m infra.record $(if $(RECORDED),--candles "$(RECORDED)") \
	  $(if $(MODELS),--models "$(MODELS)") $(if $(AT),--at "$(AT)") $(if $(HOURS),--hours $(HOURS))

# Real candles where there are any, as for the tests; else a made-up market.
RECORDED = $(or $(CANDLES),$(GROWFOLIO_CANDLES),$(wildcard shared/candles))

lock: | $(UV) ## resolve all dependencies as one, then each layer's share
	$(UV) pip compile $(COMPILE) --all-extras pyproject.toml -o requirements.lock
	$(UV) pip compile $(COMPILE) --extra local -c requirements.lock pyproject.toml -o infra/requirements.lock
	for layer in core forecast stocks crypto web llm; do \
	  $(UV) pip compile $(COMPILE) $$([ $$layer = core ] || echo --extra $$layer) -c requirements.lock \
	    pyproject.toml -o layers/$$layer/requirements.lock || exit 1; \
	done
	$(UV) pip compile $(COMPILE) --extra forecast --extra stocks --extra crypto --extra aws \
	  -c requirements.lock pyproject.toml training/requirements.in -o training/requirements.lock
COMPILE := --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-package growfolio

# pip, not uv, takes torch's CPU build where there is one.
$(TRAINING)/.ready: training/requirements.lock training/torch.txt pyproject.toml | $(UV)
	@echo "installing what training needs into $(TRAINING): torch alone has some hundred megabytes"
	test -x $(TRAINING)/bin/python || $(PYTHON) -m venv $(TRAINING)
	$(UV) pip install --quiet --python $(TRAINING)/bin/python --require-hashes -r training/requirements.lock
	$(TRAINING)/bin/python -m pip install --quiet --disable-pip-version-check -r training/torch.txt
	$(UV) pip install --quiet --python $(TRAINING)/bin/python --no-deps -e .
	@touch $@

test-training: $(TRAINING)/.ready ## all tests of training, on torch, the slow ones too
	$(PYTEST_TRAINING) tests/training -m "slow or not slow" $(PARALLEL)

train: $(TRAINING)/.ready ## download (or take CANDLES=DIR[:DIR...]), train into models/ and write a quick report to results/
	@test -n "$(CANDLES)" || $(TRAINING)/bin/python -m training download --out data/raw || \
	  { echo "no candles: with a folder of <ID>_5m.parquet files, make train CANDLES=DIR goes on without a network"; exit 2; }
	$(TRAINING)/bin/python -m training train --candles "$(or $(CANDLES),data/raw)" --out models
	$(TRAINING)/bin/python -m training evaluate --quick --candles "$(or $(CANDLES),data/raw)" --out results || test $$? = 2
	@$(TRAINING)/bin/python -m training summary --models models

starter: $(TRAINING)/.ready ## make the shipped models again from CANDLES=DIR[:DIR...] (about half an hour on 2 cores)
	@test -n "$(CANDLES)" || { echo "make starter CANDLES=DIR: a folder of <ID>_5m.parquet files"; exit 2; }
	$(TRAINING)/bin/python -m training starter --candles "$(CANDLES)" \
	  $(if $(UNTIL),--until "$(UNTIL)" --out .cache/starter-$(UNTIL))

# Debian's Chromium, which Playwright's own downloads are not needed beside.
CHROMIUM ?= $(or $(shell command -v chromium),/usr/bin/chromium)
/usr/bin/chromium:
	@test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { \
	  echo "make browser needs Chromium: apt-get install chromium, or CHROMIUM=/path/to/chromium"; exit 1; }
	apt-get -qq update
	DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends chromium fonts-dejavu-core >/dev/null

browser: $(VENV)/.dev $(CHROMIUM) ## the page and the extension in headless Chromium, which root gets installed
	CHROMIUM=$(CHROMIUM) $(BIN)/python -m pytest tests/browser $(TESTS)

bench-api: $(VENV)/.dev $(DYNAMODB_LOCAL)/.$(DYNAMODB_VERSION) ## readers' load, beside a handler that only queries; needs Java 17 and npm
	$(BIN)/python -m tests.benchmarks.api

bench: $(VENV)/.dev $(TRAINING)/.ready ## forecasts against ta and torch; a concurrent fetch; starts beside a hello-world's
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(TRAINING)/bin/python -m tests.benchmarks.refresh
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(TRAINING)/bin/python -m tests.benchmarks.serving
	$(BIN)/python -m tests.benchmarks.fetch
	$(MAKE) bench-start

bench-training: $(TRAINING)/.ready ## 48 models at once against one after another, on a GPU where there is one
	$(TRAINING)/bin/python -m tests.benchmarks.training

bench-volume: $(TRAINING)/.ready ## what the shipped stock models lose on one exchange's volumes; CANDLES=DIR, real ones
	@test -n "$(CANDLES)" || { echo "make bench-volume CANDLES=DIR: a folder of <ID>_5m.parquet files"; exit 2; }
	OMP_NUM_THREADS=1 $(TRAINING)/bin/python -m tests.benchmarks.thin_volume --candles "$(CANDLES)"

include infra/stack.mk

# What you made stays: data/, models/, results/ and the settings.
clean: ## remove what make built or fetched: environments, caches, the build
	rm -rf .venv .venv-* .cache .aws-sam build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

sessions: $(VENV)/.dev ## write the stock calendar that the package carries
	$(BIN)/python infra/sessions.py
