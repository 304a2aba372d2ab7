# Two commands on a fresh machine: `make demo` and `make test`. Both install what they need.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
FOR    ?=
JOBS   ?= 3
ONLY   ?=
SCALE  ?=

# Programs that the tests and benchmarks use and that no wheel carries, with the Debian package each comes from.
SYSTEM := nginx:nginx webhook:webhook faketime:faketime ip:iproute2 unshare:util-linux systemd-analyze:systemd \
          promtool:prometheus chromium:chromium curl:curl jq:jq

.DEFAULT_GOAL := help
.PHONY: help demo test soak bench lint lock schema system clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/installed ## Show the whole walk on an embedded PostgreSQL; FOR=20 stops after 20 seconds
	@$(BIN)/outbox demo $(if $(FOR),--for $(FOR))

test: $(VENV)/installed system ## Run every test but the soak
	$(BIN)/pytest -n $(JOBS) --dist loadfile

soak: $(VENV)/installed system ## Run what takes minutes: random kills, lanes under fire, order
	$(BIN)/pytest -n $(JOBS) --dist load -m soak

bench: $(VENV)/installed system ## Measure; ONLY=drain,latency chooses parts, SCALE=0.1 makes the big counts smaller
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(SCALE),--scale $(SCALE))

lint: $(VENV)/installed ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "expected Python 3.11 or newer as $(PYTHON); say make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "expected Python's venv module; on Debian: apt-get install -y python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

system:
	@missing=""; for pair in $(SYSTEM); do \
	  PATH="$$PATH:/usr/sbin" command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair##*:}"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing$$missing"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  else echo "missing packages:$$missing; install them with: sudo apt-get install -y$$missing"; exit 2; fi; fi

schema: $(VENV)/installed ## Write sql/schema.sql, and the views in docs/audit.md, who may what in docs/access.md, anew
	$(BIN)/python -m tests.schema_snapshot
	$(BIN)/python -m tests.audit_document
	$(BIN)/python -m tests.access_document

lock: $(VENV)/installed ## Pin every dependency again, with hashes
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --extra dev --extra curl --extra embedded pyproject.toml --output-file requirements.lock --upgrade

clean: ## Remove what make made
	rm -rf $(VENV) .demo dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
