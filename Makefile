# make test         runs the tests, in parallel but for those marked alone; skips, with the reason, those of a missing engine
# make faults       plays the whole fault matrix and prints what it counted; ARGS="--faults=10": ten times each row
# make engines      runs the tests of Docker on each of ENGINES, which the script MODERN_ENGINES starts and stops
# make demo         measures the sources of the whole standard library, each package and module in a run of its own
# make bench        measures all that this machine can against the bare thing and peers, in an hour or so; ARGS="stream": that
# make bench-quick  runs the same code on little of everything, in two minutes: whether it works, not how fast
# make fuzz         gives constructors, file formats and command lines 34,500 random inputs, in about 20 minutes
# make docs         builds the documentation and prints where it is; a warning is an error
# make lint         checks the format, the types and the import layers of the code
# make clean        removes everything that these commands have created
#
# Only Python 3.10 or later is needed. ARGS="..." is passed to pytest or to the benchmarks.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

ENGINES ?= docker docker-29 podman
MODERN_ENGINES ?= ../shared/engines/modern

.PHONY: help test faults fuzz engines demo bench bench-quick docs lint clean

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

test: $(VENV)/installed-dev
	$(BIN)/python -m tests $(ARGS)

faults: $(VENV)/installed-dev
	$(BIN)/python -m tests tests/faults --faults=1 $(ARGS)

engines:
	for engine in $(ENGINES); do $(MAKE) engine-$$engine || exit; done

# The script: `up NAME` prints the variables to export, `exec NAME COMMAND` runs a command next to the engine, `private NAME`
# controls an engine for the tests that stop one, `down NAME` stops it.
engine-%: $(VENV)/installed-dev
	variables=$$($(MODERN_ENGINES) up $*) && eval "$$variables" && export LAUNCHPAD_REQUIRE_ENGINES=1 && \
	if [ $* != podman ]; then export LAUNCHPAD_TEST_PRIVATE_ENGINE="$(abspath $(MODERN_ENGINES)) private $*"; fi && \
	$(MODERN_ENGINES) exec $* $(BIN)/python -m tests -m docker $(ARGS); \
	status=$$?; $(MODERN_ENGINES) down $*; exit $$status

fuzz: $(VENV)/installed-dev
	LAUNCHPAD_FUZZ_EXAMPLES=1500 $(BIN)/python -m pytest --numprocesses=logical tests/fuzz $(ARGS)

demo: $(VENV)/installed-cli
	$(BIN)/python examples/demo.py

bench: $(VENV)/installed-bench
	$(BIN)/python benchmarks $(ARGS)

bench-quick: $(VENV)/installed-bench
	$(BIN)/python benchmarks --quick $(ARGS)

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -q -n -W --keep-going -b html docs docs/_build
	@echo "Open $(CURDIR)/docs/_build/index.html"

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) build dist docs/_build launchpad_runs.egg-info

$(VENV)/installed-cli: setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[cli]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed-cli
	$(BIN)/python -m pip install --quiet --editable '.[all,dev]'
	touch $@

$(VENV)/installed-bench: $(VENV)/installed-cli
	$(BIN)/python -m pip install --quiet --editable '.[all,bench]'
	touch $@

$(VENV)/installed-docs: $(VENV)/installed-cli
	$(BIN)/python -m pip install --quiet --editable '.[all,docs]'
	touch $@
