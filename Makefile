# Commands for a person and for continuous integration alike. Each works by itself on a machine with nothing but
# Python 3.11 or newer and sets up .venv first where that is needed:
#
#   make demo      train the main recipe
#   make test      lint, types and all tests
#   make lint      lint and types only
#   make docs      the documentation as a site, in build/docs
#   make test-gpu  the tests that need a GPU, or several
#   make verify    the long proofs, and every recipe against the results it states
#   make setup     only .venv
#
#   make test PYTHON=python3.12    with another Python

SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-gpu lint docs verify setup
demo: .venv/ready
	$(BIN)/toolkit run vision/digits

# As many at a time as there are processors, and no more than memory allows: each process has torch in it. The longest
# files first, as conftest.py has it, and not those with the most tests.
test: lint
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-gpu: .venv/ready
	$(BIN)/python -m pytest -m gpu

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "The documentation is in build/docs/index.html"

verify: .venv/ready
	$(BIN)/python -m pytest -m slow
	$(BIN)/toolkit verify

setup: .venv/ready

# .venv/ready says what .venv was made from, and is written last. By content rather than by time: a checkout changes
# the times of files that did not change.
PROJECTS := pyproject.toml $(sort $(wildcard plugins/*/pyproject.toml))
BASE := $(shell $(PYTHON) -V 2>&1) in $(CURDIR)
READY := $(BASE), $(shell cat constraints.txt $(PROJECTS) | cksum) $(PROJECTS)
ifneq ($(READY),$(shell cat .venv/ready 2>/dev/null))
.PHONY: .venv/ready
endif

# Made anew after an interruption (no .venv/ready), with another Python, and in a copied or moved tree, where it would
# point into the old one; else brought up to date. Without build isolation: constraints do not reach into it.
.venv/ready:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
	    "The toolkit needs Python 3.11 or newer. Name one: make PYTHON=python3.12")'
	@set -e; \
	case "$$(cat $@ 2>/dev/null)" in \
	    "$(BASE), "*) echo "Bringing .venv up to date."; quiet=--quiet ;; \
	    *) echo "Making .venv: some 5 GB, a minute or more."; $(PYTHON) -m venv --clear .venv; quiet= ;; \
	esac; \
	rm -f $@; \
	install="$(BIN)/python -m pip --disable-pip-version-check install $$quiet -c constraints.txt"; \
	$$install hatchling; \
	$$install --no-build-isolation -e '.[dev,tensorboard]' \
	    $(patsubst %/pyproject.toml,-e './%[dev]',$(filter-out pyproject.toml,$(PROJECTS))); \
	echo '$(READY)' > $@
