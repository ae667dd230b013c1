"""Windows and borders over three axes become several over fewer: the same integers, and where nothing is split."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from isobit.interp import run
from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.ops import Const, Input, Linear, MaxPool, Output, Pad
from isobit.passes import apply_rule
from isobit.passes.axes import SplitBorders, SplitWindows

SHAPE = (5, 6, 4, 2)


def graph(*nodes: Node) -> Graph:
    x = Input(name="x", shape=SHAPE, lo=frozen_ints(-100), hi=frozen_ints(100))
    return Graph((x, *nodes, Output(name="y", inputs=(nodes[-1].name,))))


def maximum(kernel: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...] = (1, 1, 1)) -> Graph:
    return graph(MaxPool(name="p", inputs=("x",), kernel=kernel, strides=strides, dilations=dilations))


def total(kernel: tuple[int, ...], strides: tuple[int, ...], value: int = 1) -> Graph:
    ones = Const(name="w", value=frozen_ints(np.full((SHAPE[-1], *kernel, 1), value)))
    sizes = {"strides": strides, "dilations": (1, 1, 1), "groups": SHAPE[-1]}
    return graph(ones, Linear(name="p", inputs=("x", "w"), **sizes))  # type: ignore[arg-type]


def border(before: tuple[int, ...], after: tuple[int, ...]) -> Graph:
    return graph(Pad(name="p", inputs=("x",), before=before, after=after, value=-7))


def equal(first: Graph, second: Graph) -> bool:
    x = {"x": np.random.default_rng(0).integers(-100, 101, (3, *SHAPE))}
    return np.array_equal(run(first, x)["y"], run(second, x)["y"])


@pytest.mark.parametrize("made", [
    maximum((2, 2, 2), (2, 2, 2)), maximum((2, 2, 1), (2, 2, 1)), maximum((2, 1, 2), (2, 1, 2)),
    maximum((3, 2, 2), (1, 1, 1), (1, 2, 1)), maximum((1, 2, 2), (2, 1, 1)), total((2, 2, 2), (2, 2, 2)),
    total((2, 3, 1), (1, 3, 1)), border((0, 1, 2), (0, 1, 0)),
])  # fmt: skip
def test_what_goes_along_three_axes_is_split(made: Graph) -> None:
    split = apply_rule(apply_rule(made, SplitWindows()), SplitBorders())
    kept = {type(made.by_name["p"])}
    assert sum(type(node) in kept for node in split.nodes) == 2 and equal(made, split)


@pytest.mark.parametrize("made", [
    maximum((1, 2, 2), (1, 2, 2)), maximum((2, 2, 1), (1, 1, 1)), maximum((3, 1, 1), (2, 1, 1)),
    total((2, 2, 2), (1, 1, 1), 3), border((1, 0, 1), (0, 0, 2)),
])  # fmt: skip
def test_what_two_axes_do_or_is_no_sum_stays(made: Graph) -> None:
    assert apply_rule(apply_rule(made, SplitWindows()), SplitBorders()) is made


def test_a_border_along_three_axes_is_three() -> None:
    made = border((1, 1, 1), (1, 0, 2))
    split = apply_rule(made, SplitBorders())
    assert [n.before for n in split.nodes if isinstance(n, Pad)] == [(0, 0, 1), (0, 1, 0), (1, 0, 0)]
    assert equal(made, split)


def test_two_axes_are_never_split() -> None:
    for kernel, strides in product(((2, 2), (3, 1)), ((1, 1), (2, 2))):
        pool = MaxPool(name="p", inputs=("x",), kernel=kernel, strides=strides, dilations=(1, 1))
        flat = graph(pool)
        made = Graph((replace(flat.nodes[0], shape=(6, 4, 2)), *flat.nodes[1:]))  # type: ignore[call-arg]
        assert apply_rule(made, SplitWindows()) is made
