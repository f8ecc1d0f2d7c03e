# Everything here sets up what it needs. PYTHON picks another interpreter, PIP_ARGS adds arguments to pip,
# such as PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu" for a small torch without CUDA.
PYTHON ?= python3
PIP_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 3
TESTS := PYTHONDONTWRITEBYTECODE= HF_HUB_OFFLINE=1 $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help app test wheel check docs bench shots clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-7s %s\n", $$1, $$2}'

app: $(VENV)/ready ## set up and open the app
	$(BIN)/inffeed app

test: $(VENV)/ready-dev browser ## set up and run the tests, the browser's too
	$(TESTS) -n $(WORKERS) -m "not wheel" $(ARGS)

wheel: $(VENV)/ready-dev browser ## build the wheel, install it elsewhere, and test what it holds
	$(TESTS) -n 2 -m wheel tests/test_packaging.py tests/browser/test_installed.py

check: $(VENV)/ready-dev docs ## style, types, import layers, and the documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .import_linter_cache

docs: $(VENV)/ready-docs ## build the documentation into site/; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --clean

bench: $(VENV)/ready-dev ## speed and worth, measured on this machine (DATA=folder for real data)
	$(BIN)/python -m benchmarks $(if $(DATA),--data $(DATA))

shots: $(VENV)/ready-dev browser ## take the README's screenshots anew
	HF_HUB_OFFLINE=1 $(BIN)/python docs/take_screenshots.py

clean: ## remove the environment and every cache (projects stay)
	rm -rf $(VENV) build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "InfFeed needs Python 3.11 or newer; set PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/install-system-package python3-venv
	$(PYTHON) -m venv $(VENV)

$(VENV)/ready: $(VENV)/bin/python requirements.txt pyproject.toml
	$(BIN)/python -m pip install -q $(PIP_ARGS) -r requirements.txt
	$(BIN)/python -m pip install -q $(PIP_ARGS) --no-deps -e .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt
	$(BIN)/python -m pip install -q $(PIP_ARGS) -r requirements-dev.txt
	@touch $@

$(VENV)/ready-docs: $(VENV)/ready requirements-docs.txt
	$(BIN)/python -m pip install -q $(PIP_ARGS) -r requirements-docs.txt
	@touch $@

.PHONY: browser
browser: $(VENV)/ready-dev
	@$(BIN)/python -m playwright --version >/dev/null 2>&1 || .ci/install-system-package libatomic1 # its driver needs it
	@command -v chromium-headless-shell >/dev/null || .ci/install-system-package chromium-headless-shell 2>/dev/null \
	  || command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || .ci/install-system-package chromium || $(BIN)/python -m playwright install chromium
