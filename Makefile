# Needs Python 3.11 or later, make and a POSIX shell. `make help` lists the targets.
# PYTHON=… chooses the Python; ARGS=… goes to the program behind `demo`, `test` and `bench`.
.POSIX:
.PHONY: help demo test check soak mutants canary bench profile calibration wheel pins clean

ARGS =
# What make soak hands to the tests as a measure; any that is not empty makes them take all they have.
SOAK = 1
BIN = .venv/bin
# Whole files go to one process each, because fixtures of a file are shared; `make test PARALLEL=` runs all in one.
PARALLEL = -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

help:
	@echo "make demo   set up .venv and run the main job offline, in the folder demo/"
	@echo "make test   set up .venv and Chromium, and run all tests"
	@echo "make soak   run the tests that have more to try than make test has time for, with all of it:"
	@echo "            10,000 kills, a quarter of them over HTTP, and 1,000,000 histories of people, both times SOAK=…"
	@echo "make mutants  change the modules that decide on writes, line by line, and see that a test notices"
	@echo "make canary  run what DuckDB and Ibis do for us with the newest of both, which are not allowed yet"
	@echo "make check  lint, format, types, import contracts, no machine's addresses"
	@echo "make bench  time audits of ten thousand to a million profiles, as whole processes;"
	@echo "            a comparison of a million rows against merely landing them, and each landing against COPY;"
	@echo "            a comparison by type of key and of column, width and share that differs (--cases matrix);"
	@echo "            validating a side against merely counting, and against other tools;"
	@echo "            the calls a minute that the client reaches within its limits;"
	@echo "            what a fix, a plan of a million writes and its files take"
	@echo "make profile  show where an audit, or the command in ARGS, spends its time"
	@echo "make calibration  fit the weights of same persons, and measure what their score is worth"
	@echo "make wheel  build dist/*.whl"
	@echo "make pins   pin the newest versions that pyproject.toml allows"
	@echo "make clean  remove what these targets made, the folder demo/ too"

demo:
	@sh scripts/environment run
	@$(BIN)/auditor demo $(ARGS) demo

test:
	@sh scripts/environment develop
	@sh scripts/chromium
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

soak:
	@sh scripts/environment develop
	SOAK=$(SOAK) $(BIN)/python -m pytest $(PARALLEL) tests/test_whole_path_forms.py tests/test_kills.py \
		tests/test_under_attack.py tests/test_consent_histories.py $(ARGS)

mutants:
	@sh scripts/environment develop
	$(BIN)/python -m tests.mutants $(ARGS)

canary:
	sh scripts/canary $(ARGS)

check:
	@sh scripts/environment develop
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	sh scripts/addresses

bench:
	@sh scripts/environment develop
	@$(BIN)/python bench/audit.py $(ARGS)
	@$(BIN)/python bench/compare.py $(ARGS)
	@$(BIN)/python bench/landing.py $(ARGS)
	@$(BIN)/python bench/validate.py $(ARGS)
	@$(BIN)/python bench/postgresql.py $(ARGS)
	@$(BIN)/python bench/calls.py $(ARGS)
	@$(BIN)/python bench/writing.py $(ARGS)

profile:
	@sh scripts/environment develop
	@$(BIN)/python bench/sampled.py $(ARGS)

calibration:
	@sh scripts/environment develop
	@$(BIN)/python -m bench.same_person

wheel:
	@sh scripts/environment run
	$(BIN)/hatchling build --target wheel

pins:
	sh scripts/pins

clean:
	rm -rf .venv .cache dist build demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
