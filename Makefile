# `make repro` and `make test` need git, make and Python 3.11 or newer, and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUN := PYTHONPATH=src $(BIN)/python

.PHONY: help repro test check times paper preset lock clean

help:  ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

repro: $(READY)  ## set up, and run the pipeline
	$(BIN)/dvc repro

test: check  ## set up, check and run the tests
	$(BIN)/pytest

check: $(READY)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

times: $(READY)  ## when, where and how fast each stage ran
	$(RUN) -m probeline.times

paper: $(READY)  ## the reports' own settings, as an experiment named paper; leaves the working tree alone
	$(RUN) -m probeline.presets paper --experiment

preset: $(READY)  ## NAME=smoke: write a preset into params.yaml
	$(RUN) -m probeline.presets $(NAME)

lock: $(READY)  ## resolve requirements.in into requirements.txt
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --no-annotate \
	  --custom-compile-command 'make lock' requirements.in -o requirements.txt

clean:  ## remove checkpoints, half-done downloads and folders of interrupted experiments
	rm -rf .checkpoints .downloads .dvc/tmp/exps/standalone

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $(READY)
