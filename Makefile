.PHONY: run test lint bench

run:
	@deploy/bootstrap.sh
	@exec .venv/bin/python -m webapp.serve

test:
	@deploy/bootstrap.sh dev
	@.venv/bin/python -m pytest $(ARGS)

lint:
	@deploy/bootstrap.sh dev
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -m ruff format --check .
	@.venv/bin/python -m mypy
	@.venv/bin/python -m djlint templates --check --lint --quiet

bench:
	@deploy/bootstrap.sh dev
	@.venv/bin/python -m bench $(ARGS)
