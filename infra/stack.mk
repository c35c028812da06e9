# Building, testing and deploying the stack. What is deployed is what `sam build` left in .aws-sam/build.
ARCH ?= arm64
STAGE ?= dev
# A python3.13 that runs: pyenv's stand-in on PATH refuses to unless 3.13 was chosen.
PYTHON313 = $(shell python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null || \
  PYENV_VERSION=$$(pyenv versions --bare 2>/dev/null | grep -m1 '^3\.13\.') pyenv which python3.13 2>/dev/null || \
  echo python3.13)

# Tools whose needs clash with the product's own live in environments of their own, each from its lock.
.venv-%/.ready: infra/tools/%.lock | $(UV)
	test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	$(UV) pip sync --quiet --python .venv-$*/bin/python --require-hashes $<
	@touch $@

# Building and linting need the name of some region, whichever it is; what talks to AWS resolves its own.
SAM_CLI ?= .venv-sam/bin/sam
SAM = PATH="$(dir $(PYTHON313)):$$PATH" PYTHON313=$(PYTHON313) ARCH=$(ARCH) SAM_CLI_TELEMETRY=0 \
  AWS_DEFAULT_REGION=$${AWS_REGION:-$${AWS_DEFAULT_REGION:-us-east-1}} $(SAM_CLI)
BUILD_DIR ?= .aws-sam/build

.PHONY: build deploy stack-test bench-start stack-lock promote rollback probe cost
build: .venv-sam/.ready $(VENV)/.run ## build all functions and layers for ARCH (arm64, x86_64), within their budgets
	$(SAM) build --build-dir $(BUILD_DIR) --parameter-overrides Architecture=$(ARCH)
	for folder in $(BUILD_DIR)/*Function; do \
	  $(PYTHON313) -m compileall -q --invalidation-mode unchecked-hash -s $$folder -p /var/task $$folder || exit 1; \
	done
	$(BIN)/python -m infra.sizes $(BUILD_DIR) --architecture $(ARCH)

deploy: .venv-sam/.ready $(VENV)/.run ## build and deploy STAGE (dev, prod, any name) with your AWS credentials and growfolio.toml
	@SAM_CLI_TELEMETRY=0 $(BIN)/python -m infra.deploy --stage "$(STAGE)" --architecture "$(ARCH)" --sam "$(SAM_CLI)" \
	  --build-dir $(BUILD_DIR) $(if $(CHANGE_ARCH),--change-architecture) $(if $(filter 0,$(PROBE)),--without-probe)

# What Lambda's runtime brings, for the emulator.
.cache/lambda-runtime/.ready: infra/tools/runtime.lock | $(UV)
	rm -rf $(@D)
	$(UV) pip install --quiet --no-deps --require-hashes --python $(PYTHON313) --target $(@D) --requirements $<
	@touch $@

# Tests run in a network and mount namespace of their own, where providers' hosts are on this machine.
stack-test: ARCH = x86_64
stack-test: BUILD_DIR = .aws-sam/stack-test
stack-test: $(VENV)/.dev .venv-policy/.ready .cache/lambda-runtime/.ready $(DYNAMODB_LOCAL)/.$(DYNAMODB_VERSION) build ## the built stack in the Lambda emulator, its roles, alarms and template; needs python3.13 and Java
	$(SAM) validate --lint
	STACK_TEST_ISOLATED=1 STACK_TEST_BUILD=$(BUILD_DIR) PYTHON313=$(PYTHON313) \
	  unshare --map-root-user --mount --net $(BIN)/python -m pytest --timeout 600 tests/stack $(TESTS)

bench-start: ## cold starts in the emulator, beside a hello-world's
	ROUNDS=$(or $(ROUNDS),7) $(MAKE) stack-test TESTS="-q -k starts_are_printed"

stack-lock: | $(UV) ## pin the tools of infra/tools anew
	for tool in sam policy; do \
	  $(UV) pip compile $(COMPILE) infra/tools/$$tool.in -o infra/tools/$$tool.lock || exit 1; \
	done
	$(UV) pip compile $(COMPILE) --python-version 3.13 infra/tools/runtime.in -o infra/tools/runtime.lock

promote: $(VENV)/.run ## serve the models of REVISION (a commit hash, or starter) in STAGE
	$(BIN)/python -m infra.revision promote --stage "$(STAGE)" --revision "$(REVISION)"

rollback: $(VENV)/.run ## serve in STAGE what was served before
	$(BIN)/python -m infra.revision rollback --stage "$(STAGE)"

probe: $(VENV)/.run ## one request to every configured provider: what answers, how fast; FROM=aws asks from STAGE's functions
	@PYTHONPATH=functions/api $(BIN)/python -m infra.probe --place "$(or $(FROM),here)" --stage "$(STAGE)"

cost: $(VENV)/.run ## what a month costs, by the last measurements and the price list in infra/
	$(BIN)/python -m infra.cost
