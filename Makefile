# `make run` and `make test` set up everything on a fresh machine: a virtual environment in .venv with the pinned versions.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint types bench bench-traces policies-table claims-table validate fingerprints clean

$(VENV)/.installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[test]'
	touch $@

run: $(VENV)/.installed
	$(BIN)/simtier run scenarios/video_analytics.yaml

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto -m "not slow"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/faas.py
	$(BIN)/python benchmarks/llm.py

# Speed of reading traces, and memory of replaying ten million rows.
bench-traces: $(VENV)/.installed
	$(BIN)/python benchmarks/traces.py

# All policies of function platforms on the same workloads; writes docs/reference/serverless-policies.md.
policies-table: $(VENV)/.installed
	$(BIN)/python benchmarks/policies.py

# What papers about serving language models claim, beside simtier's figures; writes docs/reference/llm-claims.md.
claims-table: $(VENV)/.installed
	$(BIN)/python benchmarks/claims.py

# Every test, the long validations included.
validate: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto

# Write the fingerprints of the shipped scenarios anew; say why in the CHANGELOG.
fingerprints: $(VENV)/.installed
	$(BIN)/python tests/fingerprints/test_fingerprints.py

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
