"""Layers behind concatenations: the law on random integers, where the rule fires and where it must not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.interp import run
from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.ops import Add, Concat, Const, Input, Linear, Output, Pad, Reindex
from isobit.passes import apply_rule, optimise
from isobit.passes.joins import SplitOverConcat

RULE = SplitOverConcat()
FREE = (6_710_887, 4_194_301)  # what the ratio of two free scales looks like


def behind(
    factors: Sequence[int], channels: Sequence[int], spatial: tuple[int, ...] = (4, 3), pad: int = 0, groups: int = 1,
    seed: int = 0,
) -> Graph:  # fmt: skip
    """Inputs of 4 bits, concatenated, padded with ``pad`` where it is not 0, and a layer whose weights have factors."""
    rng = np.random.default_rng(seed)
    inputs = [
        Input(name=f"x{i}", shape=(*spatial, c), lo=frozen_ints(0), hi=frozen_ints(15)) for i, c in enumerate(channels)
    ]
    nodes: list[Node] = [*inputs, Concat(name="all", inputs=tuple(x.name for x in inputs), axis=len(spatial))]
    if pad:
        ones = (1,) * len(spatial)
        nodes.append(Pad(name="pad", inputs=("all",), before=ones, after=ones, value=pad))
    kernel = (2,) * len(spatial)
    blocks = [f * rng.integers(-7, 8, (3, *kernel, c)) for f, c in zip(factors, channels, strict=True)]
    weights = np.concatenate(blocks, axis=-1)
    if groups > 1:
        weights = weights[..., : sum(channels) // groups]
    ones = (1,) * len(spatial)
    nodes += [
        Const(name="w", value=frozen_ints(weights)),
        Linear(name="f", inputs=(nodes[-1].name, "w"), strides=ones, dilations=ones, groups=groups),
        Output(name="y", inputs=("f",)),
    ]
    return Graph(tuple(nodes))


def same(before: Graph, after: Graph) -> None:
    rng = np.random.default_rng(1)
    x = {node.name: rng.integers(0, 16, (9, *node.shape)) for node in before.inputs}
    assert np.array_equal(run(before, x)["y"], run(after, x)["y"])


@given(
    st.lists(st.tuples(st.sampled_from([1, 3, 1000, *FREE]), st.integers(1, 4)), min_size=2, max_size=4),
    st.sampled_from([(), (5,), (4, 3)]), st.sampled_from([0, 2]), st.integers(0, 9),
)  # fmt: skip
def test_no_sum_changes(parts: list[tuple[int, int]], spatial: tuple[int, ...], pad: int, seed: int) -> None:
    factors, channels = zip(*parts, strict=True)
    graph = behind(factors, channels, spatial, pad if spatial else 0, seed=seed)
    same(graph, apply_rule(graph, RULE))


@pytest.mark.parametrize("spatial", [(), (5,), (4, 3)])
def test_weights_lose_the_factors(spatial: tuple[int, ...]) -> None:
    graph = behind(FREE, (2, 3), spatial, pad=1 if spatial else 0)
    made = apply_rule(graph, RULE)
    layers = [n for n in made.nodes if isinstance(n, Linear)]
    assert [made.types[n.inputs[1]].bits for n in layers] == [4, 4]
    join = made.by_name["f"]
    assert isinstance(join, Add) and [int(c[0]) for c in join.coefficients] == list(FREE)
    assert not any(isinstance(n, Concat) for n in made.nodes)
    assert "split-over-concat" in join.rules
    same(graph, optimise(graph))


def test_a_part_without_weights_has_the_factor_one() -> None:
    made = apply_rule(behind((FREE[0], 0), (2, 3)), RULE)
    join = made.by_name["f"]
    assert isinstance(join, Add) and [int(c[0]) for c in join.coefficients] == [FREE[0], 1]


def test_other_readers_keep_the_concatenation() -> None:
    graph = behind(FREE, (2, 3))
    more = Graph((*graph.nodes, Output(name="z", inputs=("all",))))
    made = apply_rule(more, RULE)
    assert isinstance(made.by_name["all"], Concat) and isinstance(made.by_name["f"], Add)


def turned(graph: Graph) -> Graph:
    """A movement between the concatenation and the layer."""
    shape = graph.types["all"].shape
    index = np.arange(np.prod(shape)).reshape(shape)[::-1].copy()
    between = Reindex(name="turned", inputs=("all",), index=frozen_ints(index))
    linear = graph.by_name["f"]
    assert isinstance(linear, Linear)
    nodes = [n for n in graph.nodes if n.name not in ("f", "y")]
    moved = Linear(name="f", inputs=("turned", "w"), strides=linear.strides, dilations=linear.dilations)
    return Graph((*nodes, between, moved, graph.by_name["y"]))


@pytest.mark.parametrize(
    "graph",
    [
        behind((1, 1), (2, 3)),  # one scale
        behind((1, 8), (2, 3)),  # three bits are not worth a sum
        behind(FREE, (3, 3), groups=3),  # every group has its own channels
        turned(behind(FREE, (2, 3))),  # not the concatenation's channels
    ],
)
def test_other_layers_stay(graph: Graph) -> None:
    assert apply_rule(graph, RULE) is graph
