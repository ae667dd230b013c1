"""The synthesised table of a requantizer's lane, and how the cost model reads it."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from itertools import pairwise

import pytest

from isobit.hardware import Cost
from isobit.hardware.requantizer import dsps, multiply_shift_lane, thresholds_lane
from isobit.hardware.resources import LUTS_PER_DSP

TABLE = tomllib.loads(files("isobit.hardware").joinpath("requantizer.toml").read_text(encoding="utf-8"))
FAMILIES = {"xc7": "DSP48E1", "xcup": "DSP48E2"}


def cheapest_lane(acc: int, width: int, constant: bool, dsp: str) -> Cost:
    return min(multiply_shift_lane(acc, width, constant, dsp), key=lambda cost: cost.weight)


@pytest.mark.parametrize(("family", "dsp"), FAMILIES.items())
@pytest.mark.parametrize("kind", ["channel", "tensor"])
def test_a_point_of_the_table_is_its_own_estimate(family: str, dsp: str, kind: str) -> None:
    for acc, width, lut, _, _, _ in TABLE[family][kind]["rows"]:
        lane = cheapest_lane(acc, width, kind == "tensor", dsp)
        assert lane.dsp or lane == Cost(lut=max(lut, 1)), (acc, width)
        assert lane.weight <= max(lut, 1)


@pytest.mark.parametrize(("family", "dsp"), FAMILIES.items())
def test_thresholds_at_the_points_of_the_table(family: str, dsp: str) -> None:
    for acc, bits, lut, _, _, _ in TABLE[family]["thresholds"]["rows"]:
        assert thresholds_lane(acc, (1 << bits) - 1, dsp) == Cost(lut=lut), (acc, bits)


@pytest.mark.parametrize(("family", "dsp"), FAMILIES.items())
def test_the_dsps_are_those_that_synthesis_took(family: str, dsp: str) -> None:
    for acc, width, _, _, _, blocks in TABLE[family]["channel_dsp"]["rows"]:
        assert dsps(acc, width + 1, dsp) == blocks, (acc, width)


@pytest.mark.parametrize("dsp", FAMILIES.values())
@pytest.mark.parametrize("acc", [2, 9, 16, 18, 24, 40])
def test_wider_is_never_cheaper(acc: int, dsp: str) -> None:
    lanes = [cheapest_lane(acc, width, False, dsp).weight for width in range(1, 40)]
    counts = [thresholds_lane(acc, levels, dsp).weight for levels in range(1, 256)]
    for weights in (lanes, counts):
        assert all(a <= b for a, b in pairwise(weights))
        assert weights[0] >= 1


def test_a_dsp_is_taken_where_it_weighs_less() -> None:
    narrow = cheapest_lane(16, 2, False, "DSP48E1")
    assert narrow.dsp == 0 and narrow.lut <= LUTS_PER_DSP + 8
    assert cheapest_lane(16, 8, False, "DSP48E1") == Cost(lut=8, dsp=1)
