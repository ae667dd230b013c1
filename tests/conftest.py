"""Tests run on the same examples everywhere, however slow the machine and whatever ran before."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# Helpers' asserts too: they are then ordinary code, which `python -O` does not remove (`make test` runs some tests so).
pytest.register_assert_rewrite(*(f"tests.{p.stem}" for p in Path(__file__).parent.iterdir() if p.stem != "conftest"))

os.environ["ISOBIT_PROGRESS"] = "0"
"""What takes five seconds differs from machine to machine; what is said of it must not stand among errors."""

if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["ISOBIT_CACHE"] = tempfile.mkdtemp(prefix="isobit-tests-")
"""Compiled simulations and precompiled headers of this run, of all its workers, and of no earlier one."""

settings.register_profile("isobit", deadline=None, derandomize=True)
settings.load_profile("isobit")


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    """Layers that a test makes start from the same random state, whichever tests ran before it."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)


def pytest_unconfigure() -> None:
    """The cache goes with the process that made it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["ISOBIT_CACHE"], ignore_errors=True)
