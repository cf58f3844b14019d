# `make repro` and `make test` need git, make and Python 3.11 or newer, and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUN := PYTHONPATH=src $(BIN)/python
# uv, where it is installed, takes a quarter of the time. --seed: `fetch` and `weights` use pip.
UV = uv venv --quiet --seed --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV) && \
  uv pip install --quiet --python $(BIN)/python -r requirements.txt
PIP = $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt

.PHONY: help repro repair test test-slow portable check times scoreboard verify paper preset lock clean

help:  ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

repro: $(READY)  ## JOBS=2, STAGES="train@mine": set up, and run the pipeline, or some stages and what they need
	@$(RUN) -m probeline.pipeline.repair --quiet
	@$(RUN) -m probeline.scheduler.run --jobs "$(JOBS)" $(STAGES)

repair: $(READY)  ## mend dvc.lock and .dvc/tmp/rwlock after a killed dvc
	$(RUN) -m probeline.pipeline.repair

test: check  ## set up, check and run the tests
	$(BIN)/pytest

test-slow: $(READY)  ## what takes minutes: experiments, reruns, stages and DVC killed midway
	$(BIN)/pytest -m slow

portable: $(READY)  ## the same bytes on an emulated AMD and Intel? tens of minutes; UPDATE=1 writes tests/portable.sha256
	@command -v qemu-x86_64 >/dev/null || { echo "error: qemu-x86_64 is missing; install it: apt-get install qemu-user"; exit 1; }
	$(if $(UPDATE),$(BIN)/pytest -n 0 --update-portable tests/portable tests/pipeline/test_portable.py)
	$(BIN)/pytest -m portable --dist load tests/portable tests/pipeline/test_portable.py

check: $(READY)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

times: $(READY)  ## when, where and how fast each stage ran
	$(RUN) -m probeline.pipeline.times

scoreboard: $(READY)  ## put metrics/scoreboard.md into README.md
	$(RUN) -m probeline.report.readme

verify: $(READY)  ## REV=HEAD: whether this machine's run gave the numbers in Git; EACH=1 names those that differ
	$(RUN) -m probeline.verify "$(or $(REV),HEAD)" $(if $(EACH),--each)

paper: $(READY)  ## REPORT=a: a report at its own size, as the experiment `a`; leaves the working tree alone
	$(RUN) -m probeline.entries.presets "$(REPORT)" --experiment

preset: $(READY)  ## NAME=smoke: write a preset into params.yaml
	$(RUN) -m probeline.entries.presets "$(NAME)"

lock: $(READY)  ## resolve requirements.in into requirements.txt
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --no-annotate \
	  --custom-compile-command 'make lock' requirements.in -o requirements.txt

clean:  ## remove checkpoints, half-done downloads, and all else that killed runs left
	@if [ -x $(BIN)/python ]; then $(RUN) -m probeline.pipeline.clean; else echo "no $(VENV), so no stage has run"; fi

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@{ command -v uv > /dev/null && echo "uv sets up $(VENV)" && $(UV); } || { echo "pip sets up $(VENV)" && $(PIP); }
	@touch $(READY)
