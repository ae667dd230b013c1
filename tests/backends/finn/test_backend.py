"""The FINN back end: its file is the graph, integer by integer; what FINN cannot have exactly is refused by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest

import isobit
from isobit.backends.finn.backend import FINN, QonnxSimulator
from isobit.backends.finn.folding import specialisation_file
from isobit.backends.finn.graph import finn_model, shape_of
from isobit.errors import CheckFailed, IsobitError
from isobit.interp import run
from isobit.ir import Graph, Node, frozen_ints, verify
from isobit.ir.ops import Add, Concat, Const, Input, Linear, MaxPool, Output, Pad, Product, Reindex, Select, Step, Table
from isobit.numerics import Cuts, MultiplyShift
from tests.backends.finn.nets import cnn, decoder, mlp
from tests.cli.runner import edited, tree
from tests.cli.runner import isobit as isobit_command
from tests.ir.random_graphs import Maker, random_inputs
from tests.onnx_builder import Net


def graph_of(*nodes: Node, last: str = "") -> Graph:
    return verify(Graph((*nodes, Output(name="y", inputs=(last or nodes[-1].name,)))))


def entry(*shape: int, lo: int = -4, hi: int = 3) -> Input:
    return Input(name="x", shape=shape, lo=frozen_ints(lo), hi=frozen_ints(hi))


def executed(graph: Graph, integers: Any) -> Any:
    """qonnx's Python execution of FINN's file, which is also the first thing that FINN itself does with it."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx

    model, _ = finn_model(graph)
    onnx.checker.check_model(model)
    wrapper = ModelWrapper(model)
    last, shape = graph.outputs[0].inputs[0], shape_of(graph.types["x"])
    rows = [execute_onnx(wrapper, {"x": x.reshape(shape).astype(np.float32)})[last] for x in integers]
    return np.stack([row.reshape(graph.types[last].shape) for row in rows]).astype(np.int64)


def same(graph: Graph, seed: int = 0) -> None:
    given = random_inputs(graph, Random(seed), 6)
    assert np.array_equal(executed(graph, given["x"]), run(graph, given)["y"])


@pytest.mark.parametrize("seed", range(12))
def test_thresholds_are_the_staircase(seed: int) -> None:
    """Any curve, per channel or shared: levels that are not reached are passed always, or never."""
    rng = Random(seed)
    curves = tuple(Maker(rng).curve(-40, 37) for _ in range(rng.choice([1, 3])))
    x = entry(2, 2, 3, lo=-40, hi=37) if seed % 2 else entry(3, lo=-40, hi=37)
    same(graph_of(x, Step(name="s", inputs=("x",), curves=curves)), seed)  # type: ignore[arg-type]


@pytest.mark.parametrize(("lo", "hi"), [(0, 256), (-129, 5), (-300, 700), (100, 300), (-400, -280)])
def test_more_than_8_bits_are_a_sum_of_thresholds(lo: int, hi: int) -> None:
    """Channels of different reach; no summand has more than 8 bits, of which finn-plus would make a multiplication."""
    rng = Random(lo)
    tops = (hi, hi - 7, lo + 3)
    curves = tuple(Cuts(lo, sorted(rng.randrange(-900, 900) for _ in range(top - lo))) for top in tops)
    graph = graph_of(entry(2, 2, 3, lo=-1000, hi=1000), Step(name="s", inputs=("x",), curves=curves))  # type: ignore[arg-type]
    same(graph, 1)
    model, _ = finn_model(graph)
    kinds = [a.s.decode() for node in model.graph.node for a in node.attribute if a.name == "out_dtype"]
    assert len(kinds) > 1 and all(int(kind.removeprefix("U").removeprefix("INT")) <= 8 for kind in kinds)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("border", [((0, 0), (0, 0)), ((1, 0), (2, 1))])
def test_convolutions(groups: int, border: tuple[tuple[int, int], tuple[int, int]]) -> None:
    rng = np.random.default_rng(groups)
    w = Const(name="w", value=frozen_ints(rng.integers(-3, 4, (4, 3, 2, 4 // groups))))
    pad = Pad(name="p", inputs=("x",), before=border[0], after=border[1])
    conv = Linear(name="c", inputs=("p", "w"), strides=(2, 1), dilations=(1, 1), groups=groups)
    same(graph_of(entry(6, 5, 4), pad, w, conv))


def test_sequences_have_one_column() -> None:
    w = Const(name="w", value=frozen_ints(np.random.default_rng(0).integers(-3, 4, (3, 3, 2))))
    same(graph_of(entry(9, 2), w, Linear(name="c", inputs=("x", "w"), strides=(1,), dilations=(2,))))


def test_joins_with_coefficients_and_constants() -> None:
    x = entry(4)
    c = Const(name="c", value=frozen_ints([1, -2, 3, 0]))
    for coefficients in ([[2], [1]], [[1], [3]], [[1, 2, 3, -1], [1]], [[1], [0]]):
        factors = tuple(map(frozen_ints, coefficients))
        same(graph_of(x, c, Add(name="a", inputs=("x", "c"), coefficients=factors)))
        s = Step(name="s", inputs=("x",), curves=(MultiplyShift(1, 0, 1, -2, 2),))  # type: ignore[arg-type]
        same(graph_of(x, s, Add(name="a", inputs=("x", "s"), coefficients=factors)))
    same(graph_of(x, Add(name="a", inputs=("x",), coefficients=(frozen_ints([-3]),))))


@pytest.mark.parametrize("shape", [(3, 2), (2, 3, 2)])
def test_a_constant_for_every_position(shape: tuple[int, ...]) -> None:
    """Of a sequence too, which FINN has as maps of one column."""
    for size in {shape, shape[1:], (*[1] * (len(shape) - 1), 2)}:
        c = Const(name="c", value=frozen_ints(np.arange(np.prod(size)).reshape(size)))
        same(graph_of(entry(*shape), c, Add(name="a", inputs=("x", "c"), coefficients=(frozen_ints(1),) * 2)))


def test_pools_joins_reshapes_and_classes() -> None:
    x = entry(4, 4, 2)
    same(graph_of(x, MaxPool(name="m", inputs=("x",), kernel=(2, 2), strides=(2, 2), dilations=(1, 1))))
    same(graph_of(x, Concat(name="c", inputs=("x", "x"), axis=2)))
    same(graph_of(x, Reindex(name="r", inputs=("x",), index=frozen_ints(np.arange(32)))))
    same(graph_of(entry(6), Select(name="k", inputs=("x",), k=1)))


@pytest.mark.parametrize("times", [(2, 3), (1, 2), (3, 1)])
def test_nearest_upsampling(times: tuple[int, int]) -> None:
    x, index = entry(3, 2, 2), np.arange(12).reshape(3, 2, 2)
    index = index.repeat(times[0], 0).repeat(times[1], 1)
    same(graph_of(x, Reindex(name="r", inputs=("x",), index=frozen_ints(index))))
    rows = np.arange(8).reshape(4, 2).repeat(times[0], 0)
    same(graph_of(entry(4, 2), Reindex(name="r", inputs=("x",), index=frozen_ints(rows))))


def test_an_order_that_dense_layers_alone_see_is_in_their_weights() -> None:
    rng = np.random.default_rng(0)
    flat = Reindex(name="r", inputs=("x",), index=frozen_ints(np.arange(24).reshape(6, 4).T.reshape(-1)))
    clamp = Step(name="s", inputs=("r",), curves=(MultiplyShift(1, 0, 1, -2, 2),))  # type: ignore[arg-type]
    first = Const(name="v", value=frozen_ints(rng.integers(-3, 4, (3, 24))))
    dense = Linear(name="l", inputs=("s", "v"))
    same(graph_of(entry(3, 2, 4), flat, clamp, first, dense))
    same(graph_of(entry(3, 2, 4), flat, first, replace(dense, inputs=("r", "v"))))
    with pytest.raises(IsobitError, match="another order"):  # a curve for every channel would have to be ordered too
        finn_model(graph_of(entry(3, 2, 4), flat, replace(clamp, curves=clamp.curves * 24), first, dense))
    graph = verify(Graph((*graph_of(entry(3, 2, 4), flat, clamp, first, dense).nodes, Output(name="z", inputs=("s",)))))
    with pytest.raises(IsobitError, match="another order"):
        finn_model(graph)


def test_several_outputs_one_of_them_read_on(tmp_path: Path) -> None:
    build = isobit.compile(decoder(), tmp_path / "build", backend="finn")
    result = isobit.csim(build, source=False)
    assert result.equal and len(build.graph.outputs) == 2
    x = np.load(build.path / "finn/input.npy").astype(np.int64)
    for name, last in zip(("output", "output_1"), build.graph.outputs, strict=True):
        golden = np.load(build.path / f"finn/expected_{name}.npy")
        assert np.array_equal(run(build.graph, x)[last.name], golden)
    layers = json.loads((build.path / "finn/layers.json").read_text(encoding="utf-8"))
    forked = {layer["node"] for name, layer in layers.items() if name.startswith("DuplicateStreams")}
    assert build.graph.outputs[0].inputs[0] in forked and "UpsampleNearestNeighbour_hls_0" in layers


def test_an_output_that_finn_cannot_tell_from_another_value_is_refused() -> None:
    twice = Graph((*graph_of(entry(2), _step(5)).nodes, Output(name="z", inputs=("s",))))
    for graph in (verify(twice), graph_of(entry(2))):
        with pytest.raises(IsobitError, match=r"E504.*an output that is"):
            finn_model(graph)


def _step(levels: int) -> Node:
    return Step(name="s", inputs=("x",), curves=(Cuts(0, range(-100, levels - 100)),))  # type: ignore[arg-type]


_ROW = frozen_ints([[0] * 8])
_SECOND = Input(name="w", shape=(2,), lo=frozen_ints(0), hi=frozen_ints(1))
_WEIGHTS = Reindex(name="w", inputs=("x",), index=frozen_ints([[0, 1]]))
_FIXED = Const(name="k", value=frozen_ints([1, 2]))
_BALANCED = Const(name="b", value=frozen_ints([[1, 1, -1, -1]]))
_LINES = Reindex(name="r", inputs=("x",), index=frozen_ints(np.arange(4).reshape(2, 2)))
_TWICE = Reindex(name="r", inputs=("x",), index=frozen_ints([[0], [0], [1], [1]]))
_ADD = Add(name="a", inputs=("x", "r"), coefficients=(frozen_ints(1), frozen_ints(1)))
_REFUSED: list[tuple[str, tuple[Node, ...]]] = [
    ("4,081 levels", (entry(2, lo=-5000, hi=5000), _step(4081))),
    ("a table is no staircase", (entry(1), Table(name="t", inputs=("x",), lo=frozen_ints(-4), values=_ROW))),
    ("a product is no staircase", (entry(1), Product(name="p", inputs=("x", "x")))),
    ("25 bits", (entry(1, lo=0, hi=1 << 24),)),
    ("zeros around a convolution", (entry(2, 2, 1), Pad(name="p", inputs=("x",), before=(1, 1), after=(0, 0)))),
    ("another axis", (entry(2, 2, 1), Concat(name="c", inputs=("x", "x"), axis=0))),
    ("another order", (entry(2), Reindex(name="r", inputs=("x",), index=frozen_ints([1, 0])))),
    ("with upsampling", (entry(2, 1), _TWICE, Select(name="k", inputs=("r",), k=1))),
    ("with gaps", (entry(5, 1), MaxPool(name="m", inputs=("x",), kernel=(2,), strides=(1,), dilations=(2,)))),
    ("2 inputs", (entry(2), _SECOND, Concat(name="c", inputs=("x", "w"), axis=0))),
    ("partial sums", (entry(4, lo=1 << 23, hi=(1 << 23) + 1), _BALANCED, Linear(name="l", inputs=("x", "b")))),
    ("numbers of axes", (entry(2, 1, 2), _LINES, _ADD)),
    ("constant in place", (entry(2), _FIXED, Concat(name="c", inputs=("x", "k"), axis=0))),
    (
        "at run time",
        (entry(2), _WEIGHTS, Linear(name="l", inputs=("x", "w"))),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("why", "nodes"), _REFUSED, ids=[why for why, _ in _REFUSED])
def test_what_finn_cannot_have_exactly_is_refused_by_name(why: str, nodes: tuple[Node, ...]) -> None:
    with pytest.raises(IsobitError, match="E504") as error:
        finn_model(graph_of(*nodes))
    assert why in str(error.value)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> isobit.Build:
    folder = tmp_path_factory.mktemp("finn")
    return isobit.compile(cnn().save(folder), folder / "build", backend="finn")


def test_a_build_is_simulated_by_qonnx_and_loads_back(build: isobit.Build) -> None:
    result = isobit.csim(build, source=False)
    assert result.equal and [run.flavour for run in result.runs] == ["qonnx"]
    assert isobit.load(build.path).design.layers == build.design.layers  # type: ignore[attr-defined]
    assert isobit.verify(build.path).holds and isobit.lint(build) == ()
    with pytest.raises(IsobitError, match="E509"):
        isobit.csim(build, checked=True)


def _simulated(build: isobit.Build, network: bytes) -> IsobitError:
    simulator = QonnxSimulator(build.graph, replace(build.design, network=network))  # type: ignore[type-var]
    with pytest.raises(CheckFailed, match="E606") as error:
        simulator.run(isobit.check.csim.run.input_integers(build, None, 2, 0), 60)
    return error.value


def test_what_qonnx_cannot_execute_or_is_no_integer_is_a_failure(build: isobit.Build) -> None:
    network = build.design.network  # type: ignore[attr-defined]
    assert "does not execute" in str(_simulated(build, b"no model"))
    for attribute, why in (("out_scale", "no integer"), ("data_layout", "does not execute")):
        model = onnx.load_model_from_string(network)
        (note,) = (a for a in model.graph.quantization_annotation if a.tensor_name == model.graph.output[0].name)
        note.quant_parameter_tensor_names[0].value = "FLOAT32"  # else qonnx would refuse it itself
        last = next(node for node in reversed(model.graph.node) if node.op_type == "MultiThreshold")
        (found,) = (a for a in last.attribute if a.name == attribute)
        last.attribute.remove(found)
        value: Any = 0.3 if attribute == "out_scale" else "none"
        last.attribute.append(onnx.helper.make_attribute(attribute, value))
        if attribute == "data_layout":
            last.op_type = "NoSuch"
        assert why in str(_simulated(build, model.SerializeToString()))


def test_two_builds_are_the_same_bytes(build: isobit.Build, tmp_path: Path) -> None:
    again = isobit.compile(cnn().save(tmp_path), tmp_path / "build", backend="finn")
    assert {k: v for k, v in tree(again.path).items() if k != "csim.json"} == {
        k: v for k, v in tree(build.path).items() if k != "csim.json"
    }


def test_factors_divide_what_they_fold(build: isobit.Build) -> None:
    layers = json.loads((build.path / "finn/layers.json").read_text(encoding="utf-8"))
    kinds = {name.rsplit("_", 1)[0] for name in layers}
    assert {"MVAU_hls", "VVAU_hls", "Pool_hls", "FMPadding_rtl", "DuplicateStreams_hls", "ElementwiseAdd_hls"} < kinds
    for layer in layers.values():
        sizes, factors = layer["sizes"], layer["factors"]
        for factor, size in (("PE", "MH"), ("SIMD", "MW"), ("PE", "NumChannels"), ("PE", "Channels")):
            if factor in factors and size in sizes:
                assert sizes[size] % factors[factor] == 0
    folding = json.loads((build.path / "finn/folding.json").read_text(encoding="utf-8"))
    assert folding["Defaults"] == {} and {k for k in folding if k != "Defaults"} == set(layers)
    styles = specialisation_file(build.design.layers)  # type: ignore[attr-defined]
    assert {k: v for k, v in styles.items() if k.startswith("VVAU")} == {"VVAU_0": {"preferred_impl_style": "hls"}}


def test_layers_are_numbered_by_their_distance_from_the_input(tmp_path: Path) -> None:
    """The shortcut has no border, a node less: FINN sorts its convolution before the one that the file has first."""
    net = Net([1, 4, 6, 6], name="x")
    x, rng = net.quant("x", 0.1, 0.0, 4), np.random.default_rng(2)

    def conv(kernel: int, out: int, **attributes: object) -> str:
        w = net.quant(rng.normal(0, 0.5, (out, 4, kernel, kernel)), 0.11, 0.0, 4, narrow=1)
        return net.quant(net.op("Conv", x, w, strides=[2, 2], **attributes), 0.4, 0.0, 4)

    net.quant(net.op("Add", conv(3, 4, pads=[1, 1, 1, 1]), conv(1, 4)), 0.5, 0.0, 4)
    build = isobit.compile(net.model(), tmp_path / "build", backend="finn")
    layers = json.loads((build.path / "finn/layers.json").read_text(encoding="utf-8"))
    wide = [layers[f"MVAU_hls_{i}"]["sizes"]["MW"] for i in (0, 1)]
    assert wide == [4, 36] and {"FMPadding_rtl_0", "DuplicateStreams_hls_0"} <= layers.keys()
    windows = [build.graph.by_name[layers[f"ConvolutionInputGenerator_rtl_{i}"]["node"]] for i in (0, 1)]
    assert [build.graph.types[conv.inputs[1]].shape[1] for conv in windows] == [1, 3]


def test_golden_data_are_the_graphs_integers(build: isobit.Build) -> None:
    x, y = (np.load(build.path / f"finn/{name}.npy") for name in ("input", "expected_output"))
    assert x.dtype == y.dtype == np.float32 and x.shape[1:] == (8, 8, 2)
    assert np.array_equal(run(build.graph, x.astype(np.int64))[build.graph.outputs[0].name], y)


def test_another_network_in_the_build_is_noticed(build: isobit.Build, tmp_path: Path) -> None:
    other = edited(
        build.path, tmp_path / "copy", "finn/layers.json", lambda text: text.replace("MVAU_hls_0", "MVAU_hls_9")
    )
    with pytest.raises(IsobitError, match=r"E608.*layers.json"):
        isobit.load(other)


def test_the_command_line_has_it(tmp_path: Path) -> None:
    done = isobit_command("compile", mlp().save(tmp_path), "-o", tmp_path / "build", "--backend", "finn")
    assert (
        done.status == 0 and "MVAU_hls" in done.out and f"project in {tmp_path / 'build'}" in done.out.replace("\n", "")
    )
    done = isobit_command("compile", tmp_path / "model.onnx", "-o", tmp_path / "flow")
    done = isobit_command("finn", "check", tmp_path / "flow")
    assert done.status == 2 and "E509" in done.err
    assert FINN.on_request == frozenset()
