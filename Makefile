# make run    set everything up and serve the messenger on http://127.0.0.1:8000
# make test   set everything up and run the tests
# make fault  the promises under fault, some minutes: SEED=7 ROUNDS=3 FAULTS="F1 F4" (tests/faults)
# make promises  the promises on another store: STORE=valkey, redis (Debian's), cluster or sentinel
# make hostile  slow and hostile clients, some minutes: SCENARIOS="deaf idle" SCALE=0.1 (tests/hostile)
# make soak   a long life under load and faults: MINUTES=3 RATE=100 SUBSCRIBERS=100 SEED=7 (tests/soak)
# make bench  ours beside its ceilings and peers, and more of ours, twenty minutes: ONLY="post page" ROUNDS=7
#             (docs/performance.md, docs/scaling.md)
# make fuzz   the decoders on grown bytes, for a while: TARGETS="post words" SECONDS=60 (tests/fuzz)
# make check  formatting, lint, types, layers, weak spots, secrets
# make audit  known weaknesses of the libraries that are pinned; it asks the network for them
# make screenshots  pictures of the page's states, to docs/screenshots
# make lock   pin the dependencies anew
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The clients' own notices are not ours to show.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install

.PHONY: run test fault promises hostile soak bench fuzz check audit format screenshots lock clean
.DEFAULT_GOAL := run

run: $(VENV)/.run
	@$(BIN)/messenger up

test: $(VENV)/.test
	@$(BIN)/python -m pytest

fault: $(VENV)/.test
	@$(BIN)/python -m tests.faults

PROMISES := gone_on_time window clock confirmed never_twice own nothing_missed gaps returning unread cut \
  cut_unread slow_reader long_lists socket polling polling_gaps firehose view_is_the_log model restart \
  full_or_down repartition_live repartition_readers replay \
  consumer consumer_order consumer_retries consumer_faults consumer_missed consumer_stop
STORE ?= cluster
promises: $(VENV)/.test
	@$(BIN)/python -m pytest --store $(STORE) $(PROMISES:%=tests/test_%.py)

hostile: $(VENV)/.test
	@$(BIN)/python -m tests.hostile

soak: $(VENV)/.test
	@$(BIN)/python -m tests.soak

bench: $(VENV)/.test
	@$(BIN)/python -m bench $(ONLY) $(if $(ROUNDS),--rounds $(ROUNDS))

# It finds more with atheris, which has no wheel for every Python and so is in no lock.
fuzz: $(VENV)/.test
	@$(BIN)/python -m tests.fuzz

check: $(VENV)/.test
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive messenger consumers web
	@$(BIN)/python -m pytest -q tests/test_layers.py tests/test_secrets.py

# In a folder of its own: it is a tool of who keeps this, and brings much along.
audit:
	@test -x $(VENV)/audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)/audit && \
	  $(VENV)/audit/bin/python -m pip --disable-pip-version-check --quiet install pip-audit; }
	@$(VENV)/audit/bin/pip-audit --strict --require-hashes --disable-pip -r requirements-run.lock

format: $(VENV)/.test
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

screenshots: $(VENV)/.test
	@$(BIN)/python -m tests.screenshots

# The stamps depend on the locks and on pyproject.toml (the console script): a second run does nothing.
$(VENV)/.run: requirements-run.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Messenger needs Python 3.11 or newer; PYTHON=/path/to/python3 make $(MAKECMDGOALS) names one" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Setting up $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@$(PIP) --require-hashes -r requirements-run.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements.lock
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

# No address stands in the locks: they hold on any mirror.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --quiet
lock:
	$(LOCK) --group dev -o requirements.lock
	$(LOCK) --group build -c requirements.lock -o requirements-run.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
