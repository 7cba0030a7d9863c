# make demo   install, then run the embedded demo recipe offline and write its report
# make test   install, then lint, type-check and test
PYTHON ?= python3
VENV ?= .venv
PIP_FLAGS ?=
BIN := $(VENV)/bin

.PHONY: demo test lint real browser slow lock clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "xpareto needs Python 3.11 or newer; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt --config-settings editable_mode=compat -e '.[test]'
	touch $@

# Bytecode is kept, also where the environment says otherwise: dozens of processes start here, in the tests hundreds.
export PYTHONDONTWRITEBYTECODE =

demo: $(VENV)/.installed
	$(BIN)/xpareto run demo

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# One thread a process: the models of the tests are so small that threads only wait for each other.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --durations=15

real: $(VENV)/.installed
	$(BIN)/python -m pytest -m 'real and not slow' || test $$? -eq 5

browser slow: $(VENV)/.installed
	$(BIN)/python -m pytest -m $@ || test $$? -eq 5

lock: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) -e '.[test,mlflow,optimum,prune,ray,search,sentencepiece]'
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
