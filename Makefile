.PHONY: run test lint bench demo-sites evaluate-forms

run:
	@deploy/bootstrap.sh
	@exec .venv/bin/python -m webapp.serve

# Three or four processes, each with a database of its own (what one of them waits for, another uses), the long browser tests early;
# make test ARGS="tests/leads -x" for less.
PROCESSES = $(shell [ $$(nproc) -gt 3 ] && echo 4 || echo 3)
test: ARGS ?= -n $(PROCESSES) --dist loadscope --no-loadscope-reorder
test:
	@deploy/bootstrap.sh dev
	@.venv/bin/python -m pytest $(ARGS)

lint:
	@deploy/bootstrap.sh dev
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -m ruff format --check .
	@.venv/bin/python -m mypy
	@.venv/bin/python -m djlint templates --lint --quiet

bench:
	@deploy/bootstrap.sh dev
	@.venv/bin/python -m bench $(ARGS)

# Sixty-eight dealership websites that are not, for trying the automation by hand; make demo-sites ARGS="--port 8200".
demo-sites:
	@deploy/bootstrap.sh
	@.venv/bin/python -m demo_sites $(ARGS)

# How well the form engine reads real pages: ../shared/forms, or ARGS="file.jsonl.gz --misses".
evaluate-forms:
	@deploy/bootstrap.sh dev
	@.venv/bin/python -m bench.forms $(ARGS)
