PYTHON ?= python3
BIN := .venv/bin

HOME_DIR ?= .
PORT ?= 8501

.PHONY: demo app test lint screenshots
# The sample shop: built, imported, trained while the app shows how far it is; opens at once from then on.
demo: .venv/.done
	$(BIN)/workbench demo --home $(HOME_DIR) --port $(PORT)

# The app on a shop of one's own: make app HOME_DIR=/path/to/shop
app: .venv/.done
	$(BIN)/workbench app --home $(HOME_DIR) --port $(PORT)

test: .venv/.done
	$(BIN)/python -m pytest

lint: .venv/.done
	$(BIN)/ruff check workbench tests
	$(BIN)/mypy

# The README's pictures, in light and dark, of a home that is built: make screenshots HOME_DIR=/path/to/shop
screenshots: .venv/.done
	$(BIN)/python tests/screenshots.py --home $(HOME_DIR)

.venv/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[offline,test]'
	touch $@
