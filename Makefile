# `make check` is what CI runs. PYTHON: the interpreter of the environment that mnistlab is installed in.
PYTHON ?= python

.PHONY: check format
check:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest

format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
