# make setup   a virtual environment in .venv with everything (needs Python 3.11, make, g++)
# make demo    compiles, simulates and explains an embedded trained model
# make test    lint, types and the fast tests, with the asserts of the package switched off
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.isobit-installed
# Tests start hundreds of interpreters: without byte code each one compiles the package again.
unexport PYTHONDONTWRITEBYTECODE

setup: $(STAMP)

# torch first, pinned: a plain `torch` would pull the CUDA build.
$(STAMP): pyproject.toml
	@echo "setting up .venv, 1 of 3: the environment. In all 2 GB on disk, one to five minutes by the network"
	$(PYTHON) -m venv .venv
	@echo "setting up .venv, 2 of 3: torch, the largest part"
	$(BIN)/python -m pip install --disable-pip-version-check "torch==2.13.0"
	@echo "setting up .venv, 3 of 3: isobit with what its tests need, about 100 packages"
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[train,dev]"
	touch $(STAMP)

demo: setup
	$(BIN)/isobit compile compiler/isobit/demo/model.onnx -o demo-build --board pynq-z1
	$(BIN)/isobit csim demo-build -n 10000
	$(BIN)/isobit explain demo-build n_3_Quant

# Everything runs as under `python -O`, which takes the package's asserts away and must change nothing; those of the tests
# are ordinary code by then (tests/conftest.py). The variable reaches the workers and the commands that tests start, as
# the option would not. Asserts tell the type checker what a value is and nothing else (tests/architecture says so); the
# tests of what has them run a second time as they are. Each worker begins with half of the tests, in their order, so
# that what a file's tests share is made once, and helps the other at the end.
FAST := -n 2 --dist worksteal -m "not slow and not docker"
OPTIMISED := PYTHONOPTIMIZE=1 $(BIN)/python -m pytest -W ignore::pytest.PytestConfigWarning
PROMISES := tests/numerics/test_multiply_shift.py tests/passes/test_promises.py tests/passes/test_budget.py \
  tests/passes/test_pass_pipeline.py tests/frontend/test_functions.py tests/check/test_verify.py tests/check/test_source_exact.py

test: setup
	$(BIN)/ruff check compiler tests benchmarks examples
	$(BIN)/mypy
	$(OPTIMISED) -rs $(FAST)
	$(BIN)/python -m pytest $(FAST) $(PROMISES)

# In a real container: needs Docker or Podman (docker/try_engine.sh starts one on a throw-away machine).
docker: setup
	$(BIN)/python -m pytest -rs -m docker tests/docker

slow: setup
	$(BIN)/python -m pytest -n 2 -m slow

clean:
	rm -rf .venv demo-build

.PHONY: setup demo test docker slow clean
