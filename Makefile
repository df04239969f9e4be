# `make demo` shows it, `make test` checks it; each sets up the virtual environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/demo
PYTEST := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 $(BIN)/pytest -n 2 --dist loadfile --durations 15

.PHONY: help setup demo docs test test-all weights lint types unit clean

help:
	@echo "make demo   train on the bundled sample (3 minutes), evaluate, show transfers"
	@echo "make docs   write docs/reference/: commands, options, fields, classes, papers"
	@echo "make test   lint, types, unit and end-to-end tests (8 minutes on two cores)"
	@echo "make test-all   the same with the slow ones: documentation pages, browser, killed and distributed trainings"

setup: $(BIN)/.ready

$(BIN)/.ready: pyproject.toml scripts/setup.sh
	PYTHON=$(PYTHON) VENV=$(VENV) bash scripts/setup.sh
	@touch $@

demo: setup
	$(BIN)/accelerate launch --num_processes 1 --num_cpu_threads_per_process 2 --num_machines 1 --mixed_precision no --dynamo_backend no \
	  train.py --config configs/toy/demo.yaml --run $(RUN) --overwrite
	$(BIN)/textvae evaluate $(RUN) --examples 10

docs: setup
	$(BIN)/python scripts/make_reference.py

test: lint types unit

test-all: lint types docs weights
	$(PYTEST)

# Real weights for tests/test_real_weights.py, which are skipped where no network brings them.
weights: setup
	-$(BIN)/textvae models download smollm2-135m --quiet

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

unit: setup
	$(PYTEST) -m "not slow"

clean:
	rm -rf $(VENV) build *.egg-info runs/demo
