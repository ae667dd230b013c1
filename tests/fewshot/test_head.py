"""The head on a graph: its law, its refusals, and its hardware against the interpreter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import isobit
from isobit.check.csim.bounded import bounded_csim
from isobit.errors import IsobitError
from isobit.fewshot import head_of, head_rows, with_head, without_head
from isobit.interp import run
from isobit.ir import Graph
from isobit.ir.ops import HostOp, Input, Linear, MaxPool, Node, Output, Reindex, Select, frozen_ints
from isobit.passes import optimise
from tests.cli.runner import isobit as command
from tests.pynq.conftest import backbone_model


def identity(size: int, lo: int, hi: int, name: str = "x") -> Graph:
    """Features that come as they are."""
    entry = Input(name=name, shape=(size,), lo=frozen_ints(lo), hi=frozen_ints(hi), outside=name, outside_shape=(size,))
    return Graph((entry, Output(name="out", inputs=(name,), outside="out", outside_shape=(size,))))


def by_definition(features: np.ndarray, rows: np.ndarray) -> list[int]:
    """The first of the largest dot products, in Python's integers."""
    found = []
    for f, (mean, *prototypes) in zip(features.tolist(), rows.tolist(), strict=True):
        scores = [sum(p * (a - m) for p, a, m in zip(row, f, mean, strict=True)) for row in prototypes]
        found.append(scores.index(max(scores)))
    return found


@pytest.mark.parametrize(
    ("size", "lo", "hi", "classes", "bits"),
    [
        (1, 0, 1, 2, 0),
        (3, -4, 3, 2, 0),
        (5, 0, 100, 7, 0),
        (8, -128, 127, 5, 16),
        (4, -7, 12, 3, 24),
        (80, 0, 4095, 5, 0),
    ],
)
def test_the_label_is_the_first_of_the_largest_products(size: int, lo: int, hi: int, classes: int, bits: int) -> None:
    graph = with_head(identity(size, lo, hi), classes, bits)
    head = head_of(graph)
    assert head is not None and head.classes == classes and head.limit >= max(-lo, hi)
    rng = np.random.default_rng(size)
    features = np.concatenate([rng.integers(lo, hi + 1, (60, size)), np.full((2, size), lo), np.full((2, size), hi)])
    rows = rng.integers(-head.limit, head.limit + 1, (64, classes + 1, size))
    rows[::4] = np.sign(rows[::4]) * head.limit  # the corners of the declared range
    rows[1::8, 2:] = rows[1::8, 1:2]  # ties
    given = {"x": features, head.prototypes.name: rows}
    wanted = by_definition(features, rows)
    for made in (graph, optimise(graph)):
        found = run(made, given)
        assert found[head.label.name].reshape(-1).tolist() == wanted
        assert np.array_equal(found["out"], features)


def test_the_backbone_is_what_is_left_without_the_head() -> None:
    graph = identity(6, -3, 5)
    assert without_head(graph) is graph and head_of(graph) is None
    assert without_head(with_head(graph, 4)).digest == graph.digest


def test_a_models_own_product_and_argmax_is_no_head() -> None:
    """Its label is in the source, which it is compared with."""
    rows = Input(name="w", shape=(4, 6), lo=frozen_ints(-9), hi=frozen_ints(9), outside="w", outside_shape=(4, 6))
    added: tuple[Node, ...] = (
        rows, Linear(name="s", inputs=("x", "w")), Select(name="b", inputs=("s",)),
        Output(name="l", inputs=("b",), outside="l", outside_shape=(1,)),
    )  # fmt: skip
    graph = Graph((*identity(6, -3, 5).nodes, *added))
    assert head_of(graph) is None and without_head(graph) is graph


def test_names_that_the_graph_has_already() -> None:
    made = with_head(identity(3, 0, 3, name="prototypes"), 2)
    head = head_of(made)
    assert head is not None and head.prototypes.name == head.prototypes.outside == "prototypes_2"


def test_rows_point_to_their_classes_and_spare_slots_are_never_chosen() -> None:
    rng = np.random.default_rng(1)
    centres = rng.integers(0, 200, (3, 12))
    enrolled = [np.clip(c + rng.integers(-9, 10, (4, 12)), 0, 255) for c in centres]
    graph = with_head(identity(12, 0, 255), 5)
    head = head_of(graph)
    assert head is not None
    rows = head_rows(enrolled, 5, head.limit)
    queries = np.concatenate(enrolled)
    repeated = np.repeat(rows[None], len(queries), axis=0)
    found = run(graph, {"x": queries, head.prototypes.name: repeated})[head.label.name]
    assert found.reshape(-1).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert np.abs(rows).max() <= head.limit and np.array_equal(rows[4], rows[1]) and np.array_equal(rows[5], rows[1])
    everywhere = rng.integers(0, 256, (300, 12))
    many = np.repeat(rows[None], 300, axis=0)
    assert run(graph, {"x": everywhere, head.prototypes.name: many})[head.label.name].max() == 2


Change = Callable[[Graph], Graph]


def _with_output(graph: Graph, **changes: object) -> Graph:
    last = graph.nodes[-1]
    assert isinstance(last, Output)
    fields = {**last.attributes(), **changes}
    return Graph((*graph.nodes[:-1], Output(name="out", inputs=last.inputs, **fields)))  # type: ignore[arg-type]


def _map(graph: Graph) -> Graph:
    nodes: tuple[Node, ...] = (
        graph.nodes[0], Reindex(name="m", inputs=("x",), index=frozen_ints(np.arange(6).reshape(3, 2))),
        MaxPool(name="p", inputs=("m",), kernel=(2,), strides=(1,), dilations=(1,)),
        Output(name="out", inputs=("p",), outside="out", outside_shape=(2, 2)),
    )  # fmt: skip
    return Graph(nodes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_map, "the output has shape [2, 2], the head takes one vector a frame"),
        (lambda g: _with_output(g, host=(HostOp("softmax"),)), "the output ends with a softmax on the host"),
        (lambda g: _with_output(g, scale=tuple(range(1, 7))), "the features have a scale for each channel"),
        (lambda g: with_head(g, 2), "the graph has a head already"),
        (lambda g: Graph((*g.nodes, Output(name="b", inputs=("x",), outside="b", outside_shape=(6,)))),
         "the backbone has 2 outputs: out, b"),
    ],
)  # fmt: skip
def test_what_is_no_vector_of_features_is_refused(change: Change, said: str) -> None:
    with pytest.raises(IsobitError) as caught:
        with_head(change(identity(6, 0, 9)), 3)
    assert (caught.value.code, caught.value.message) == ("E312", said)


@pytest.mark.parametrize(("classes", "bits"), [(1, 0), (0, 0), (2000, 0), (True, 0), (3, 4), (3, 25), (3, -1)])
def test_numbers_that_make_no_head_are_refused(classes: int, bits: int) -> None:
    with pytest.raises(IsobitError) as caught:
        with_head(identity(6, 0, 9), classes, bits)
    assert caught.value.code == "E312" and caught.value.hint


def test_enrolments_that_do_not_fit_are_refused() -> None:
    one = np.ones((2, 3), np.int64)
    for enrolled, mean in (([], None), ([one] * 3, None), ([one, one[:0]], None), ([one], one[0] * 99)):
        with pytest.raises(IsobitError) as caught:
            head_rows(enrolled, 2, 7, mean)
        assert caught.value.code == "E312"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> isobit.Build:
    """A backbone with a head of four classes, by the command line, folded as slowly as it may be."""
    folder = tmp_path_factory.mktemp("head")
    model = backbone_model(folder)
    done = command("compile", model, "-o", folder / "build", "--head", "4", "--head-bits", "9", "--max-util", "0.1")
    assert (done.status, done.err) == (0, "")
    return isobit.load(folder / "build")


def test_the_cpp_equals_the_interpreter_for_prototypes_of_the_whole_range(build: isobit.Build) -> None:
    result = isobit.csim(build, vectors=200, checked=True)
    assert result.equal and result.source is not None and result.source.exact_outputs == 32 * 6
    assert [(r.outputs, r.mismatches) for r in result.runs] == [(200 * 7, 0)] * 2
    assert isobit.verify(build).holds and isobit.lint(build) == ()


@pytest.mark.slow
def test_planned_fifos_hold_for_the_head(build: isobit.Build) -> None:
    assert bounded_csim(build, 4).equal


def test_accuracy_is_of_the_label_or_the_features(build: isobit.Build) -> None:
    rng = np.random.default_rng(0)
    head = head_of(build.graph)
    assert head is not None
    inputs = {
        "image": rng.random((8, 3, 4, 4), np.float32),
        "prototypes": rng.integers(-head.limit, head.limit + 1, (8, 5, 6)),
    }
    labels = rng.integers(0, 4, 8)
    found = isobit.accuracy(build, inputs, labels, output=head.label.outside)
    assert found.equal and found.classes == 4 and found.note == "the head is no part of the source"
