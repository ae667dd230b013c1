"""Tests run on the same examples everywhere, however slow the machine and whatever ran before."""

import sys

import pytest
from hypothesis import settings

settings.register_profile("isobit", deadline=None, derandomize=True)
settings.load_profile("isobit")


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    """Layers that a test makes start from the same random state, whichever tests ran before it."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)
