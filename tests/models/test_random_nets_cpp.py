"""Random networks through the whole flow: the generated C++ equals the interpreter, and the graph its source."""

from __future__ import annotations

from pathlib import Path

import pytest

import isobit
from tests.models.random_nets import random_network
from tests.onnx_builder import save


def check(seed: int, folder: Path) -> None:
    build = isobit.compile(save(random_network(seed), folder), folder / "build", board="zcu104")
    result = isobit.csim(build, vectors=20)
    assert result.equal, (seed, result.mismatch)


@pytest.mark.parametrize("seed", range(4))
def test_a_random_network_is_exact_in_cpp(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 504))
def test_many_random_networks_are_exact_in_cpp(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)
