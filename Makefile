PYTHON ?= python3
BIN := .venv/bin

.PHONY: test lint
test: .venv/.done
	$(BIN)/python -m pytest

lint: .venv/.done
	$(BIN)/ruff check workbench tests
	$(BIN)/mypy

.venv/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[offline,test]'
	touch $@
