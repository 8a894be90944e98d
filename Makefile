# beamsift: `make sample` runs the main job on a small corpus, `make test` passes the tests. Both set up what they need.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: sample test lint bench lock clean

sample: $(VENV)/ready  ## compose a small raw corpus, clean it, show what happened
	$(BIN)/beamsift sample build/sample --overwrite
	$(BIN)/beamsift run configs/sample.yaml --overwrite
	$(BIN)/beamsift stats build/sample/clean

test: $(VENV)/ready  ## all tests
	$(BIN)/python -m pytest -q -n auto --dist worksteal

lint: $(VENV)/ready  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/ready  ## measured tables of the README, in one run
	$(BIN)/python -m benchmarks

# uv where it is installed, else venv and pip: the same locked versions, wheels only, nothing is compiled.
$(VENV)/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 13) else "beamsift needs Python 3.10 to 3.13 and %s is %d.%d: name another one, as in make PYTHON=python3.12" % (sys.executable, *v))'
	@if command -v uv >/dev/null 2>&1; then \
	  set -ex; uv venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV); \
	  VIRTUAL_ENV=$(VENV) uv pip install --quiet --only-binary :all: --require-hashes -r requirements.lock; \
	  VIRTUAL_ENV=$(VENV) uv pip install --quiet --no-deps --no-build-isolation -e .; \
	else \
	  set -ex; $(PYTHON) -m venv $(VENV); \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements.lock; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $@

lock:  ## choose new versions (needs uv); review the difference before you commit it
	uv pip compile --quiet --universal --python-version 3.10 --extra dev --generate-hashes --no-emit-index-url --no-annotate \
	  --upgrade --custom-compile-command 'make lock' pyproject.toml -o requirements.lock
	uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_28 --extra gcp --generate-hashes --no-emit-index-url \
	  --no-annotate --constraints requirements.lock --custom-compile-command 'make lock' pyproject.toml -o docker/requirements.lock

clean:
	rm -rf $(VENV) build
