# Every target needs only Python >= 3.11 (with venv), make and, for the fast kernels, a C++17 compiler.
PYTHON ?= python3
RUN = .venv/bin/python -m
export UV_PYTHON_DOWNLOADS = never
export UV_SYSTEM_CERTS = true

.PHONY: help setup demo test bench figures docs lint

help: ## lists the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 16

setup: .venv/ready ## makes .venv with everything in it, and builds the kernels

demo: setup ## the main job on a phantom brain: segments, skeletons, a directed connectome, a report
	$(RUN) experiments.reconstruct data=phantom split=validation seed=1

test: setup ## runs the tests
	$(RUN) pytest -q -n auto --dist loadfile

bench: setup ## measures speed beside named peers, and stores what figures show of it; suite=NAME for one suite alone
ifdef suite
	$(RUN) experiments.benchmark suite=$(suite)
else
	$(RUN) experiments.benchmark suite=data rounds=1
	$(RUN) experiments.benchmark suite=metrics rounds=1
	$(RUN) experiments.benchmark suite=models rounds=1
	$(RUN) experiments.reproduce experiment=conv_speed results=experiments/results
	$(RUN) experiments.reproduce experiment=pipeline size=paper results=experiments/results
endif

figures: setup ## redraws all figures from stored results, into outputs/; pictures=docs refreshes those of the documents
	$(RUN) experiments.figures $(if $(pictures),pictures=$(pictures)) && \
	$(RUN) experiments.contact_sheet $(if $(pictures),output=$(pictures)/phantom_beside_real.png)

docs: setup ## builds the documents as pages, build/docs/docs/index.html, and checks their links
	$(RUN) sphinx -b html -c docs -E -W --keep-going -q . build/docs

lint: setup ## checks format, style, types and the direction of imports
	.venv/bin/ruff format --check && .venv/bin/ruff check && .venv/bin/ty check && .venv/bin/lint-imports

.venv/ready: pyproject.toml uv.lock CMakeLists.txt $(wildcard ops/csrc/* ops/csrc/*/*)
	test -x .venv/bin/uv || { $(PYTHON) -m venv .venv && .venv/bin/python -m pip install --quiet uv; }
	.venv/bin/uv sync --locked --reinstall-package neuropil
	touch $@
