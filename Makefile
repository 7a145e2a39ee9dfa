# Two commands for a fresh machine: `make demo` and `make test`.
# Each installs what it needs, uv included, into .uv/ and .venv/.

PYTHON ?= python3
UV := .uv/bin/uv
PRESET ?= demo
RUN := $(UV) run --frozen --no-sync
# Bytecode is compiled once here, or each process compiles some 3,000 modules where it may not write.
SYNC := $(UV) sync --frozen --inexact --compile-bytecode
# Pages whose tables are written from results/.
PAGES := README.md docs/results/README.md docs/results/known_labels.md \
	docs/results/earlier_models.md docs/results/unsupervised.md docs/results/reproduction.md \
	docs/results/spoken_digits.md docs/results/vowels.md \
	docs/results/typefaces.md docs/models/typefaces_card.md docs/results/omniglot.md \
	docs/results/sprites.md docs/results/bench.md

# Experiments of `make smoke`; context_uses follows, with weights of one of them.
SMOKE := black_and_white rotated three_contexts held_out_pairs unsupervised mask_floors baselines \
	coloured_digits spatial_mnist synthetic_sets vae_mnist oracle_check typefaces_untold \
	typefaces_held_letters drawn_sprites_untold bench

.PHONY: help demo smoke test twins lint types format results check clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet uv==0.13.9

.venv/.demo: $(UV) pyproject.toml uv.lock
	$(SYNC) --extra experiments
	touch $@

.venv/.test: $(UV) pyproject.toml uv.lock
	$(SYNC) --extra experiments --extra data --group test
	touch $@

.venv/.lint: $(UV) pyproject.toml uv.lock
	$(SYNC) --extra experiments --extra data --group test --group lint
	touch $@

demo: .venv/.demo  ## train on the embedded typefaces and complete unseen ones (PRESET=smoke: in seconds)
	$(RUN) python -m experiments.typefaces --preset $(PRESET)

smoke: .venv/.demo  ## the other experiments in seconds, on embedded data, two at a time
	printf '%s\n' $(SMOKE) | xargs -P 2 -I NAME $(RUN) python -m experiments.NAME --preset smoke
	$(RUN) python -m experiments.context_uses --preset smoke \
		--weights runs/rotated-smoke-digits-seed0/weights.safetensors

test: .venv/.test  ## run the tests
	$(RUN) python -m pytest -n auto --dist loadfile

.venv/.twins: .venv/.test
	$(SYNC) --extra experiments --extra data --extra benchmarks --group test
	touch $@

twins: .venv/.twins  ## run the tests that need PyTorch (downloads it)
	$(RUN) python -m pytest -n auto tests/test_twins.py tests/benchmarks

lint: .venv/.lint  ## check style and formatting
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: .venv/.lint  ## check types
	$(RUN) mypy

format: .venv/.lint  ## mend style and formatting
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

results: .venv/.demo  ## write the published tables from results/
	for page in $(PAGES); do $(RUN) python -m experiments.results readme --readme $$page || exit 1; done
	$(RUN) python -m benchmarks.table

check: .venv/.demo  ## fail where a published table is not that of results/
	for page in $(PAGES); do $(RUN) python -m experiments.results readme --check --readme $$page || exit 1; done
	$(RUN) python -m benchmarks.table --check

clean:  ## remove the environments
	rm -rf .venv .uv
