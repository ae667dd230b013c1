"""Argmax in the fabric: the first of the greatest real values, whatever scales the channels have."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import isobit
from isobit import demo
from isobit.check.source.backbone import backbone
from isobit.errors import IsobitError
from isobit.fewshot import with_argmax, with_head, without_output
from isobit.interp import run
from isobit.ir import Graph
from isobit.ir.ops import HostOp, Input, Output, Select, frozen_ints
from isobit.passes import optimise

F = Fraction


def scores(
    scale: tuple[Fraction, ...], offset: tuple[Fraction, ...] = (F(0),), shape: tuple[int, ...] = (4,),
    outside: tuple[int, ...] = (), host: tuple[HostOp, ...] = (), lo: int = -9, hi: int = 9,
) -> Graph:  # fmt: skip
    entry = Input(name="x", shape=shape, lo=frozen_ints(lo), hi=frozen_ints(hi), outside="x", outside_shape=shape)
    last = Output(
        name="out", inputs=("x",), scale=scale, offset=offset, outside="out", outside_shape=outside or shape, host=host
    )
    return Graph((entry, last))


def by_definition(graph: Graph, x: np.ndarray) -> list[int]:
    """The first of the greatest rationals."""
    (out,) = graph.outputs
    s, o = ([values[c % len(values)] for c in range(x.shape[-1])] for values in (out.scale, out.offset))
    found = []
    for row in x.reshape(-1, x.shape[-1]).tolist():
        real = [a * q + b for a, q, b in zip(s, row, o, strict=True)]
        found.append(real.index(max(real)))
    return found


CASES = [
    ((F(1, 8),), (F(0),)),
    ((F(1, 8),), (F(-3),)),
    ((F(-1, 7),), (F(2),)),
    ((F(1, 3),), (F(0), F(1, 2), F(-1, 5), F(1, 2))),
    ((F(1, 3), F(2, 7), F(1, 3), F(5)), (F(0),)),
    ((F(0.1), F(0.3), F(-0.7), F(0.2)), (F(0), F(0.25), F(0.1), F(-0.6))),
    ((F(1), F(2), F(3), F(6)), (F(0),)),
]


@pytest.mark.parametrize(("scale", "offset"), CASES)
def test_the_label_is_that_of_the_real_values(scale: tuple[Fraction, ...], offset: tuple[Fraction, ...]) -> None:
    graph = scores(scale, offset)
    made, label = with_argmax(graph)
    x = np.concatenate(
        [np.random.default_rng(0).integers(-9, 10, (500, 4)), np.repeat(np.arange(-9, 10), 4).reshape(-1, 4)]
    )
    for one in (made, optimise(made)):
        found = run(one, {"x": x})
        assert found[label].reshape(-1).tolist() == by_definition(graph, x)
        assert np.array_equal(found["out"], x)
    assert without_output(made, label).digest == graph.digest and without_output(graph, label) is graph


def test_one_scale_and_offset_cost_nothing() -> None:
    made, _ = with_argmax(scores((F(1, 8),), (F(-3),)))
    assert [type(n) for n in made.nodes] == [Input, Output, Select, Output]


def test_a_map_has_a_label_at_every_place() -> None:
    host = (HostOp("transpose", (), (2, 0, 1)),)
    graph = scores((F(1, 3), F(1, 5), F(1, 4), F(1)), shape=(2, 3, 4), outside=(4, 2, 3), host=host)
    made, label = with_argmax(graph)
    assert made.by_name[label].outside_shape == (2, 3)  # type: ignore[attr-defined]
    x = np.random.default_rng(1).integers(-9, 10, (20, 2, 3, 4))
    assert run(made, {"x": x})[label].reshape(-1).tolist() == by_definition(graph, x)


def test_what_the_host_does_alike_to_all_changes_nothing() -> None:
    for kind in ("softmax", "logsoftmax", "sigmoid", "tanh"):
        with_argmax(scores((F(1, 3),), host=(HostOp(kind),)))


def two_outputs() -> Graph:
    graph = scores((F(1),))
    return Graph((*graph.nodes, Output(name="b", inputs=("x",), outside="b", outside_shape=(4,))))


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (two_outputs(), "the model has 2 outputs: out, b"),
        (with_argmax(two_outputs_less := scores((F(1),)))[0], "the model has 2 outputs: out, label"),
        (without_output(with_argmax(two_outputs_less)[0], "out"), "the output holds indices already"),
        (with_head(scores((F(1),)), 2), "the few-shot head has an argmax of its own"),
        (scores((F(1),), shape=(1,)), "the output has one channel"),
        (scores((F(1),), host=(HostOp("relu"),)), "the output ends with a relu on the host"),
        (
            scores((F(1), F(1, 3**30), F(1, 7**20), F(1))),
            "the channels have scales and offsets that only integers of 107 bits can compare",
        ),
        (
            scores((F(1),), shape=(3, 4), host=(HostOp("transpose", (), (1, 0)), HostOp("softmax")), outside=(4, 3)),
            "a softmax along another axis than the channels",
        ),
        (
            scores((F(1),), shape=(3, 4), host=(HostOp("reshape", (), (4, 3)),), outside=(4, 3)),
            "the model moves the elements of its channels apart",
        ),
    ],
)
def test_refusals(graph: Graph, said: str) -> None:
    with pytest.raises(IsobitError) as caught:
        with_argmax(graph)
    assert (caught.value.code, caught.value.message) == ("E314", said) and caught.value.hint


def test_from_compile_to_accuracy() -> None:
    build = isobit.compile(demo.MODEL, argmax=True)
    plain = backbone(build)
    assert [o.outside for o in build.graph.outputs] == [plain.graph.outputs[0].outside, "label"]
    verdict = isobit.csim(build, vectors=200)
    assert verdict.equal and verdict.source is not None and verdict.source.exact_outputs
    with np.load(demo.SAMPLES) as samples:
        x, y = samples["x"][:300], samples["y"][:300]
    made = isobit.predict(build, x)
    values = made[plain.graph.outputs[0].outside]
    assert made["label"].shape == (300, 1) and np.array_equal(made["label"][:, 0], values.argmax(1))
    found = isobit.accuracy(build, x, y)
    assert found.classes == 10 and found.k == 1 and len({s.top1 for s in found.scores}) == 1
    assert len(found.scores) == 3 and all(d.predictions == 0 for d in found.differing)
