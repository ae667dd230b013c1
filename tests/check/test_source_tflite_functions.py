"""Functions of one tensor, extrema and moves that came later: the integers of LiteRT's reference kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.check.source.tflite import tables as evaluated
from isobit.check.source.tflite.evaluate import evaluate_tflite
from isobit.check.source.tflite.file import read_tflite
from isobit.check.source.tflite.litert import run_litert
from isobit.errors import IsobitError
from isobit.frontend.tflite import tables as imported
from isobit.frontend.tflite.file import load_tflite
from isobit.frontend.tflite.importer import import_tflite
from isobit.interp import quantise, run
from tests.check.source_tflite_helpers import BOTH, Draw, agree, every_integer
from tests.litert import run_reference

BYTES = {"int8": ["GELU", "GELU approximate", "EXP", "LOG", "ABS", "RSQRT", "SQRT"], "uint8": ["GELU"]}


@pytest.mark.parametrize(("dtype", "op"), [(dtype, op) for dtype, ops in BYTES.items() for op in ops])
def test_every_integer_of_looked_up_functions(dtype: str, op: str, tmp_path: Path) -> None:
    net, (name, *approximate) = Draw(dtype, 7), op.split()
    options: dict[str, Any] = {"approximate": True} if approximate else {}
    for place in range(40):
        zero = -128 if name in ("RSQRT", "SQRT") else net.zero()
        x = net.input((1, 256), net.scale(0.004, 0.12), zero)
        edge = net.beside_halves(net.scale_of(x)) if name == "ABS" and place % 2 else 0.0
        same = net.scale_of(x) if name == "ABS" and place == 0 else 0.0
        net.make(name, [x], (256,), same or edge or net.scale(0.004, 0.3), **options)
    every = every_integer(dtype)[None].astype(dtype)
    agree(net, tmp_path, inputs=dict.fromkeys(net.inputs, every), spread=40 if name == "RSQRT" else 100)


def test_elu_is_the_default_kernels(tmp_path: Path) -> None:
    """There is no reference kernel for it."""
    net = Draw("int8")
    for _ in range(20):
        net.make("ELU", [net.input((1, 256), net.scale(0.004), net.zero())], (256,), net.scale(0.004))
    outputs = [o for operator in net.operators for o in operator.outputs]
    path = net.save(tmp_path / "model.tflite", outputs)
    every = every_integer("int8")[None]
    given = dict.fromkeys(net.inputs, every)
    mine, theirs = evaluate_tflite(read_tflite(path), given), run_litert(path, given, "BUILTIN", set(outputs)).tensors
    graph = import_tflite(path)
    found = run(graph, {node.name: every for node in graph.inputs})
    for index, node in zip(outputs, graph.outputs, strict=True):
        assert np.array_equal(mine[index], theirs[index])
        assert np.array_equal(found[node.name] + net.tensors[index].zero_point[0], theirs[index])
    with pytest.raises(IsobitError, match="E606"):
        run_litert(path, given, "BUILTIN_REF", set(outputs))


@BOTH
def test_a_clamp_between_0_and_1(dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    for _ in range(9):
        net.make("RELU_0_TO_1", [net.input((1, 256), net.scale(), net.zero())], (256,), net.scale())
    agree(net, tmp_path, inputs={i: every_integer(dtype)[None].astype(dtype) for i in net.inputs}, spread=9)


def test_neg_turns_the_stored_integers(tmp_path: Path) -> None:
    net = Draw("int8")
    for scale, made, zero in ((0.1, 0.1, 0), (0.1, 0.1, 3), (0.1, 0.2, 0)):
        net.op("NEG", [net.input((1, 256), scale, zero)], (1, 256), made, zero)
    every = every_integer("int8")[None].astype(np.int8)
    agree(net, tmp_path, inputs=dict.fromkeys(net.inputs, every), spread=100, refused=[1, 2])  # no negative numbers


def test_both_roots_are_newtons() -> None:
    for value in [*range(1, 300), 2**29 - 1, 2**29, 2**31 - 1]:
        assert imported.inverse_root(value) == evaluated._newton(value)


def test_squared_differences(tmp_path: Path) -> None:
    """Every pair of two tensors and of a constant, with equal scales and others."""
    net, every = Draw("int8"), every_integer("int8").astype(np.int8)
    inputs = {}
    for scales in [(0.1, 0.1), (0.1, 0.05), (0.03, 0.2)]:
        x, y = (net.input((1, *shape), s, net.zero()) for s, shape in zip(scales, ((256, 1), (1, 256)), strict=True))
        net.make("SQUARED_DIFFERENCE", [x, y], (256, 256), net.scale(0.5, 5))
        constant = net.const(every.reshape(1, 1, 256), scales[1], net.zero())
        net.make("SQUARED_DIFFERENCE", [constant, x], (256, 256), net.scale(0.5, 5))
        inputs |= {x: every.reshape(1, 256, 1), y: every.reshape(1, 1, 256)}
    agree(net, tmp_path, inputs=inputs, spread=100)


@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize("turned", [False, True])
def test_matrix_products_with_a_constant(turned: bool, lead: tuple[int, ...], tmp_path: Path) -> None:
    net = Draw("int8")
    for place in (0, 1):
        x = net.image(*lead, 5, 4)
        summed, other = (4, 6) if place else (5, 7)
        sizes = (summed, other) if bool(place) != turned else (other, summed)
        constant = net.const(net.integers_of((*(1 for _ in lead), *sizes)), 0.04, 9)
        pair = [x, constant] if place else [constant, x]
        shape = (*lead, 5, 6) if place else (*lead, 7, 4)
        net.make("BATCH_MATMUL", pair, shape, 0.7, **{("adj_y" if place else "adj_x"): turned})
    flat = net.image(*lead, 4, 5)
    net.make("BATCH_MATMUL", [flat, net.const(net.integers_of((4, 6)), 0.03, 2)], (*lead, 5, 6), 0.7, adj_x=True)
    net.make("BATCH_MATMUL", [net.const(net.integers_of((6, 5)), 0.03), flat], (*lead, 6, 4), 0.7, adj_y=True)
    a, b = net.image(*lead, 3, 4), net.image(*lead, 4, 6)
    net.make("BATCH_MATMUL", [a, b], (*lead, 3, 6), 0.7)
    agree(net, tmp_path, samples=6)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
@pytest.mark.parametrize(("adj_x", "adj_y"), [(False, False), (True, False), (False, True), (True, True)])
def test_matrix_products_of_two_tensors(adj_x: bool, adj_y: bool, lead: tuple[int, ...], tmp_path: Path) -> None:
    net = Draw("int8")
    for first, second in ((lead, lead), (lead[:1] and (1, *lead[1:]), lead), (lead, lead[1:] and (1,) * len(lead))):
        x = net.image(*first, *((4, 3) if adj_x else (3, 4)))
        y = net.image(*second, *((6, 4) if adj_y else (4, 6)))
        net.make("BATCH_MATMUL", [x, y], (*np.broadcast_shapes(first, second), 3, 6), 0.7, adj_x=adj_x, adj_y=adj_y)
    square = net.image(*lead, 4, 4)
    net.make("BATCH_MATMUL", [square, square], (*lead, 4, 4), 0.7, adj_x=adj_x, adj_y=adj_y)
    agree(net, tmp_path, samples=6)


@BOTH
@pytest.mark.parametrize(
    ("scale", "beta", "size"),
    [(0.1, 1.0, 5), (0.02, 1.0, 16), (0.3, 0.5, 7), (1.5, 1.0, 3), (0.001, 2.0, 33), (0.05, 1.0, 1), (0.08, 1.0, 100)],
)
def test_softmax_that_the_network_goes_on_with(
    scale: float, beta: float, size: int, dtype: str, tmp_path: Path
) -> None:
    net, low = Draw(dtype), -128 if dtype == "int8" else 0
    x = net.input((1, 3, size), scale, low + 9)
    y = net.op("SOFTMAX", [x], (1, 3, size), 1 / 256, low, beta=beta)
    net.op("RELU", [y], (1, 3, size), 1 / 128, low)
    given = np.random.default_rng(size).integers(low, low + 256, (40, 3, size))
    given[:10] //= 8
    given[10] = low + 5
    agree(net, tmp_path, inputs={x: given.astype(dtype)}, spread=min(size, 3))


def test_softmax_of_other_outputs_is_refused(tmp_path: Path) -> None:
    for scale, zero in ((1 / 128, -128), (1 / 256, 0)):
        net = Draw("int8")
        y = net.op("SOFTMAX", [net.input((1, 4), 0.1)], (1, 4), scale, zero, beta=1.0)
        net.op("RELU", [y], (1, 4), 1 / 128, -128)
        with pytest.raises(IsobitError, match=r"(?s)E204.*1/256"):
            import_tflite(net.save(tmp_path / "model.tflite"))


def test_roots_of_negative_numbers_are_refused(tmp_path: Path) -> None:
    for op in ("SQRT", "RSQRT"):
        net = Draw("int8")
        net.make(op, [net.input((1, 4), 0.1, -100)], (4,))
        with pytest.raises(IsobitError, match=r"(?s)E204.*negative"):
            import_tflite(net.save(tmp_path / "model.tflite"))


@BOTH
def test_extrema(dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    x, y, row = net.image(3, 4, 5), net.image(3, 4, 5), net.image(1, 4, 1)
    given = net.tensors[x]
    grid = given.scale, given.zero_point[0]
    for index in (y, row):
        net.tensors[index] = type(given)(**{**vars(net.tensors[index]), "scale": grid[0], "zero_point": (grid[1],)})
    constants = [net.const(net.integers_of(shape), *grid) for shape in [(5,), (1,), (3, 1, 1), (3, 4, 5)]]
    for op in ("MAXIMUM", "MINIMUM"):
        for other in (y, row, *constants):
            net.move(op, [x, other], [(1, 3, 4, 5)])
        net.move(op, [constants[0], x], [(1, 3, 4, 5)], data=1)
    agree(net, tmp_path, samples=8)


@BOTH
@pytest.mark.parametrize("op", ["REDUCE_MAX", "REDUCE_MIN"])
def test_reduced_extrema(dtype: str, op: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    x = net.image(5, 6, 7)
    axes = {(1, 2): (1, 1, 7), (3,): (5, 6, 1), (1,): (1, 6, 7), (-1, 1, 2): (1, 1, 1), (0, 2): (5, 1, 7)}
    for axis, kept in axes.items():
        net.move(op, [x, net.integers(axis)], [(1, *kept)], keep_dims=True)
    net.move(op, [x, net.integers([1, 2])], [(1, 7)])
    agree(net, tmp_path)


COPIES: list[tuple[str, Any, tuple[int, ...], dict[str, Any]]] = [
    ("TILE", [1, 2, 3, 1], (1, 8, 18, 3), {}),
    ("MIRROR_PAD", [[0, 0], [1, 3], [2, 0], [0, 2]], (1, 8, 8, 5), {"mode": 0}),
    ("MIRROR_PAD", [[0, 0], [1, 4], [2, 0], [0, 3]], (1, 9, 8, 6), {"mode": 1}),
    ("GATHER", [2, 0, 2], (1, 3, 6, 3), {"axis": 1}),
    ("GATHER", [[2, 0], [1, 1]], (1, 4, 6, 2, 2), {"axis": -1}),
    ("REVERSE_V2", [1], (1, 4, 6, 3), {}),
    ("TRANSPOSE", [3, 1, 0, 2], (3, 4, 1, 6), {}),
    ("RESIZE_BILINEAR", [8, 12], (1, 8, 12, 3), {"half_pixel_centers": True}),
    ("RESIZE_BILINEAR", [16, 48], (1, 16, 48, 3), {"half_pixel_centers": True}),
    ("RESIZE_BILINEAR", [8, 24], (1, 8, 24, 3), {}),
    ("RESIZE_BILINEAR", [4, 12], (1, 4, 12, 3), {"half_pixel_centers": True}),
]  # fmt: skip


@BOTH
@pytest.mark.parametrize(("op", "given", "shape", "options"), COPIES)
def test_copies(dtype: str, op: str, given: Any, shape: tuple[int, ...], options: Any, tmp_path: Path) -> None:
    net = Draw(dtype)
    x = net.image(4, 6, 3)
    net.move(op, [x, net.integers(given)], [shape], **options)
    agree(net, tmp_path)


@pytest.mark.parametrize(
    ("size", "options"), [([7, 12], {}), ([2, 3], {}), ([8, 12], {"align_corners": True}), ([12, 18], {})]
)
def test_bilinear_weights_of_other_sizes(size: list[int], options: dict[str, bool], tmp_path: Path) -> None:
    """The evaluator takes them; the graph has no one kernel for all places."""
    net = Draw("int8")
    net.move("RESIZE_BILINEAR", [net.image(4, 6, 3), net.integers(size)], [(1, *size, 3)], **options)
    agree(net, tmp_path, refused=[0])


@BOTH
def test_a_slice_with_an_offset(dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    x, bounds = net.image(4, 6, 3), [net.integers(v) for v in ([0, 1, 2, 0], [1, 2, 3, 3], [1, 1, 1, 2])]
    net.move("STRIDED_SLICE", [x, *bounds], [(1, 2, 3, 2)], offset=True)
    agree(net, tmp_path)


@BOTH
def test_steps_of_time_in_front(dtype: str, tmp_path: Path) -> None:
    """A recurrent network unrolled: time moved before the batch of one, a cell for every step, packed again."""
    net = Draw(dtype)
    x = net.image(3, 5)
    scale, zero = net.scale_of(x), net.tensors[x].zero_point[0]
    steps = net.op("TRANSPOSE", [x, net.integers([1, 0, 2])], (3, 1, 5), scale, zero)
    rows = net.ops("UNPACK", [steps], [(1, 5)] * 3, scale, zero, num=3, axis=0)
    first, again = (net.const(net.integers_of((4, n)), 0.02) for n in (5, 4))
    state, states = -1, []
    for row in rows:
        new = net.make("FULLY_CONNECTED", [row, first, -1], (4,), 0.3)
        if state >= 0:
            new = net.make("ADD", [new, net.make("FULLY_CONNECTED", [state, again, -1], (4,), 0.1)], (4,), 0.3)
        state = net.op("TANH", [new], (1, 4), 1 / 128, 0 if dtype == "int8" else 128)
        states.append(state)
    packed = net.op("PACK", states, (3, 1, 4), 1 / 128, net.tensors[state].zero_point[0], values_count=3, axis=0)
    net.op("TRANSPOSE", [packed, net.integers([1, 0, 2])], (1, 3, 4), 1 / 128, net.tensors[state].zero_point[0])
    net.op("CONCATENATION", states, (3, 4), 1 / 128, net.tensors[state].zero_point[0], axis=0)
    agree(net, tmp_path, samples=10, spread=40)


def test_floats_are_moved_before_they_are_quantised(tmp_path: Path) -> None:
    net = Draw("int8")
    x = net.input((1, 2, 6), dtype="float32")
    turned = net.op("TRANSPOSE", [x, net.integers([0, 2, 1])], (1, 6, 2), dtype="float32")
    image = net.op("RESHAPE", [turned, net.integers([1, 3, 2, 2])], (1, 3, 2, 2), dtype="float32")
    q = net.op("QUANTIZE", [image], (1, 3, 2, 2), 0.05, 7)
    y = net.op("RELU", [q], (1, 3, 2, 2), 0.04, -9)
    path = net.save(tmp_path / "model.tflite")
    given = np.random.default_rng(0).normal(0, 3, (50, 2, 6)).astype(np.float32)
    graph = import_tflite(path)
    (entering,) = graph.inputs
    assert entering.outside_shape == (2, 6)
    (found,) = run(graph, {entering.name: quantise(entering, given)}).values()
    theirs = run_reference(path, {x: given})[y].astype(np.int64) + 9
    assert np.array_equal(found.reshape(theirs.shape), theirs)
    assert load_tflite(path).operators[0].op == "TRANSPOSE"
