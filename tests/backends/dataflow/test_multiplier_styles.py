"""Where the RTL says that products are made: where the estimate has them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from isobit import templates
from isobit.backends.dataflow.catalogue import CATALOGUE
from isobit.backends.dataflow.catalogue.cost import product
from isobit.backends.dataflow.design import Array, Process
from isobit.backends.dataflow.rtl.multipliers import multiplier_styles
from isobit.backends.ports import IntType
from isobit.hardware import Prices
from isobit.hardware.board import Dsp

DSPS: tuple[Dsp, ...] = ("DSP48E1", "DSP48E2")


def process(template: str, kinds: dict[str, int], values: tuple[list[int], ...] = (), channels: int = 4) -> Process:
    arrays = tuple(Array(f"a{i}", IntType.holding(v), v) for i, v in enumerate(map(np.array, values)))
    types = tuple((name, IntType(bits, True)) for name, bits in kinds.items())
    return Process("p", template, (("CHANNELS", channels), ("PE", 1)), types, (), (), arrays)


@pytest.mark.parametrize("dsp", DSPS)
@pytest.mark.parametrize(("a", "b"), [(1, 12), (4, 4), (4, 9), (5, 8), (8, 8), (30, 20)])
def test_products_of_streams_and_of_weights(a: int, b: int, dsp: Dsp) -> None:
    said = [("USE_DSP", '"yes"' if product(a, b, dsp).dsp else '"no"')]
    for template in ("dense", "parallel_dense", "streamed_dense", "depthwise", "parallel_depthwise"):
        assert list(multiplier_styles(process(template, {"in_t": a, "weight_t": b}), dsp)) == said
    for template in ("product", "channel_product"):
        assert list(multiplier_styles(process(template, {"a_t": a, "b_t": b}), dsp)) == said


@pytest.mark.parametrize("dsp", DSPS)
@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("most", [1, 3, 40, 5000])
def test_requantizers(most: int, channels: int, dsp: Dsp) -> None:
    """As the price model takes the cheaper of both."""
    lane = Prices(dsp).line(18, most.bit_length(), constant=channels == 1)
    for template in ("multiply_shift", "round_shift", "half_even"):
        made = process(template, {"in_t": 18}, ([1, -most],), channels)
        assert list(multiplier_styles(made, dsp)) == [("USE_DSP", '"yes"' if lane.dsp else '"no"')]


def test_sums_with_coefficients() -> None:
    for second, style in ((1, '"no"'), (4001, '"yes"')):
        made = process("add", {"a_t": 16, "b_t": 16}, ([1, 1], [3, second]))
        assert list(multiplier_styles(made, "DSP48E1")) == [("USE_DSP", style)]


def test_nothing_is_said_where_nothing_is_multiplied() -> None:
    assert not list(multiplier_styles(process("thresholds", {"in_t": 16}, ([1, 2],)), "DSP48E1"))


def test_every_module_that_multiplies_two_words_says_where() -> None:
    """``use_dsp`` is on the register of its products; packed products are in DSP blocks by their form."""
    sources = {p.name: p.read_text(encoding="utf-8") for p in (templates.root() / "rtl").glob("*.sv")}
    multiplying = {name for name, text in sources.items() if re.search(r"<= \S*\w\(.*\) \* \S*\w\(", text)}
    assert {"isobit_dots.sv", "isobit_multiply_add.sv", "isobit_add.sv", "isobit_product.sv"} < multiplying
    for name in multiplying:
        assert "(* use_dsp = USE_DSP *)" in sources[name], name
    taking = {t.name for t in CATALOGUE.values() if "USE_DSP" in sources[f"isobit_{t.rtl.file}.sv"]}
    assert taking == {
        "dense", "parallel_dense", "streamed_dense", "depthwise", "parallel_depthwise", "product", "channel_product",
        "multiply_shift", "round_shift", "half_even", "add",
    }  # fmt: skip
