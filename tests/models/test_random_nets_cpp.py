"""Random networks through the whole flow: the generated C++ equals the interpreter, and the graph its source."""

from __future__ import annotations

from pathlib import Path

import pytest

import isobit
from isobit.backends.dataflow.catalogue import CATALOGUE
from tests.models.random_nets import random_network
from tests.models.random_nets_census import census
from tests.onnx_builder import save

FAST = (6, 14, 15, 19, 31, 54, 56, *range(600, 623))
"""Thirty networks; the first seven have everything between them, as a test counts."""
KINDS = """
1-D convolution, depthwise convolution, dilated convolution, grouped convolution, ConvTranspose, AveragePool, table,
difference, pixel concat of three or more, two inputs, two outputs, image one pixel wide
"""


def check(seed: int, folder: Path) -> None:
    build = isobit.compile(save(random_network(seed), folder), folder / "build", board="zcu104")
    result = isobit.csim(build, vectors=20)
    assert result.equal, (seed, result.mismatch)


@pytest.mark.parametrize("seed", FAST)
def test_a_random_network_is_exact_in_cpp(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 504))
def test_many_random_networks_are_exact_in_cpp(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


def test_the_fast_seeds_reach_every_template_and_kind() -> None:
    found = census(FAST[:7])
    kinds = KINDS.replace("\n", " ").strip().split(", ")
    # Several samples a clock, gates, weights on a stream and ties to even have networks of their own
    # (test_random_nets_samples, test_gated_nets, test_streamed_weights, test_half_even).
    elsewhere = ("parallel", "line_window", "look_ahead", "product", "streamed", "half_even")
    wanted = [*kinds, *(f"{name}.hpp" for name in CATALOGUE if not any(word in name for word in elsewhere))]
    assert [name for name in wanted if not found[name]] == []
