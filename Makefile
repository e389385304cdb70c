# run, test, bench, lint, audit: each installs what it needs first. lock: after a change of requirements.txt.
PYTHON ?= python3
BOOTSTRAP = $(PYTHON) -I synapse/bootstrap.py

.PHONY: run test bench lint audit lock install

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

audit: install
	@.venv/bin/python -m synapse.testing.supply_chain

lock:
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		requirements.txt --output-file requirements.lock
