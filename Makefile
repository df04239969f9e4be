# Two commands: `make demo` shows it, `make test` checks it. Both set up the virtual environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/demo

.PHONY: help setup demo test lint types unit clean

help:
	@echo "make demo   train on the bundled sample (3 minutes), evaluate, show transfers"
	@echo "make test   lint, types and all tests (15 minutes)"

setup: $(BIN)/.ready

$(BIN)/.ready: pyproject.toml scripts/setup.sh
	PYTHON=$(PYTHON) VENV=$(VENV) bash scripts/setup.sh
	@touch $@

demo: setup
	$(BIN)/accelerate launch --num_processes 1 --num_cpu_threads_per_process 2 --num_machines 1 --mixed_precision no --dynamo_backend no \
	  train.py --config configs/toy/demo.yaml --run $(RUN) --overwrite
	$(BIN)/textvae evaluate $(RUN) --examples 10

test: lint types unit

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

unit: setup
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 $(BIN)/pytest -n 2 --dist loadfile --durations 15

clean:
	rm -rf $(VENV) build *.egg-info runs/demo
