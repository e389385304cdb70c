# run, test, bench, lint: each installs what it needs first.
PYTHON ?= python3
BOOTSTRAP = $(PYTHON) -I synapse/bootstrap.py

.PHONY: run test bench lint install

run:
	@exec $(BOOTSTRAP) run

install:
	@$(BOOTSTRAP) install

test: install
	@.venv/bin/python -m synapse.testing.run

bench: install
	@.venv/bin/python -m bench

lint: install
	@.venv/bin/python -m synapse.testing.lint
