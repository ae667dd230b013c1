"""The exported ONNX file: exact where integer kernels saturate, read back only where it is what was written."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from isobit.errors import IsobitError
from isobit.interchange.border import narrowest, outside
from isobit.interchange.execute import run_ort
from isobit.interchange.onnx_file import GRAPH_KEY, OPSET, is_exported, onnx_model, read_exported
from isobit.interp import run
from isobit.ir import Graph, Node, frozen_ints, verify
from isobit.ir.ops import Const, HostOp, Input, Linear, Output, Reindex, Select, Step
from isobit.numerics import MultiplyShift


def dense(lo: int, hi: int, weight: int, width: int = 64, **entry: object) -> Graph:
    weights = np.full((2, width), weight)
    weights[1] = -weight
    nodes: tuple[Node, ...] = (
        Input(name="x", shape=(width,), lo=frozen_ints(lo), hi=frozen_ints(hi), **entry),  # type: ignore[arg-type]
        Const(name="w", value=frozen_ints(weights)),
        Linear(name="fc", inputs=("x", "w")),
        Output(name="y", inputs=("fc",)),
    )
    return verify(Graph(nodes))


def written(graph: Graph, folder: Path, change: Callable[[onnx.ModelProto], object] = lambda m: None) -> Path:
    model = onnx_model(graph)
    change(model)
    path = folder / "out.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_sums_that_a_saturating_kernel_would_cut_are_exact() -> None:
    graph = dense(0, 255, 127)
    x = {"x": np.full((1, 64), 255)}
    found = run_ort(onnx_model(graph).SerializeToString(), outside(graph, x))
    assert found["y"].tolist() == [[255 * 127 * 64, -255 * 127 * 64]] == run(graph, x)["y"].tolist()


def test_sums_beyond_32_bits_are_exact() -> None:
    graph = dense(-(1 << 31), (1 << 31) - 1, 1 << 20)
    x = {"x": np.full((1, 64), -(1 << 31))}
    found = run_ort(onnx_model(graph).SerializeToString(), outside(graph, x))
    assert found["y"].tolist() == [[-(1 << 57), 1 << 57]]


def test_what_needs_more_than_64_bits_is_refused() -> None:
    with pytest.raises(IsobitError, match="E615") as error:
        onnx_model(dense(-(1 << 40), 1 << 40, 1 << 22))
    assert "at: fc" in str(error.value)


def test_partial_sums_count_too() -> None:
    x = Input(name="x", shape=(2,), lo=frozen_ints((1 << 59) - 1), hi=frozen_ints(1 << 59))
    w = Const(name="w", value=frozen_ints([[16, -16]]))
    with pytest.raises(IsobitError, match="E615"):
        onnx_model(verify(Graph((x, w, Linear(name="d", inputs=("x", "w")), Output(name="y", inputs=("d",))))))


def test_it_states_its_opset_and_takes_the_narrowest_integers() -> None:
    model = onnx_model(dense(0, 200, 3))
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
    assert model.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
    assert [narrowest(*ends) for ends in ((-128, 127), (0, 128), (-1, 255), (0, 1 << 32))] == [
        "int8", "uint8", "int16", "int64",
    ]  # fmt: skip


def test_names_of_the_source_are_kept_whatever_they_are() -> None:
    graph = dense(0, 3, 1, outside="isobit/fc", outside_shape=(8, 8), host=(HostOp("reshape", shape=(64,)),))
    graph = Graph((*graph.nodes[:-1], Output(name="y", inputs=("fc",), outside="a b/ç", outside_shape=(2, 1))))
    model = onnx_model(verify(graph))
    assert [i.name for i in model.graph.input] == ["isobit/fc"] and [o.name for o in model.graph.output] == ["a b/ç"]
    x = {"x": np.arange(64).reshape(1, 64) % 4}
    found = run_ort(model.SerializeToString(), {"isobit/fc": x["x"].reshape(1, 8, 8).astype(np.uint8)})
    assert found["a b/ç"].tolist() == [[[96], [-96]]]


def test_equal_values_are_selected_from_the_left() -> None:
    x = Input(name="x", shape=(2, 40), lo=frozen_ints(0), hi=frozen_ints(1))
    for k in (1, 2, 17, 40):
        graph = verify(Graph((x, Select(name="s", inputs=("x",), k=k), Output(name="y", inputs=("s",)))))
        given = {"x": np.random.default_rng(k).integers(0, 2, (20, 2, 40))}
        assert np.array_equal(
            run_ort(onnx_model(graph).SerializeToString(), outside(graph, given))["y"], run(graph, given)["y"]
        )


def test_a_constant_output_has_the_batch_of_the_inputs() -> None:
    x = Input(name="x", shape=(2,), lo=frozen_ints(0), hi=frozen_ints(1))
    c = Const(name="c", value=frozen_ints([[5, 6]]))
    nodes = (x, c, Output(name="y", inputs=("c",)), Output(name="z", inputs=("x",)))
    found = run_ort(onnx_model(verify(Graph(nodes))).SerializeToString(), {"x": np.zeros((3, 2), np.uint8)})
    assert found["y"].tolist() == [[[5, 6]]] * 3


def _other_weight(model: onnx.ModelProto) -> None:
    tensor = next(t for t in model.graph.initializer if t.name.endswith("w.values"))
    array = numpy_helper.to_array(tensor).copy()
    array.flat[0] += 1
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _other_operator(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.op_type == "MatMul").op_type = "Mul"


def _other_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT32


def _another_operator(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Neg", ["y"], ["z"]))


def _another_meaning(model: onnx.ModelProto) -> None:
    node, opset = helper.make_node("Sub", ["a", "b"], ["c"]), helper.make_opsetid("", OPSET)
    model.functions.append(helper.make_function("", "MatMul", ["a", "b"], ["c"], [node], [opset]))


@pytest.mark.parametrize("change", [_other_weight, _other_operator, _other_output, _another_operator, _another_meaning])
def test_a_file_that_was_changed_is_no_graph(change: Callable[[onnx.ModelProto], None], tmp_path: Path) -> None:
    path = written(dense(0, 15, 3), tmp_path, change)
    with pytest.raises(IsobitError, match="E109") as error:
        read_exported(path)
    assert GRAPH_KEY in error.value.hint


def test_another_graph_in_its_metadata_is_noticed(tmp_path: Path) -> None:
    other = onnx_model(dense(0, 15, 4)).metadata_props[0].value
    path = written(dense(0, 15, 3), tmp_path, lambda m: setattr(m.metadata_props[0], "value", other))
    with pytest.raises(IsobitError, match=r"E109.*'isobit/w.values'"):
        read_exported(path)


def test_only_files_that_carry_a_graph_are_exported(tmp_path: Path) -> None:
    assert is_exported(written(dense(0, 15, 3), tmp_path))
    assert not is_exported(written(dense(0, 15, 3), tmp_path, lambda m: m.ClearField("metadata_props")))
    (tmp_path / "text").write_text(GRAPH_KEY, encoding="utf-8")
    assert not any(is_exported(tmp_path / name) for name in ("text", "absent", "."))


def test_shifts_round_down_below_zero() -> None:
    x = Input(name="x", shape=(1,), lo=frozen_ints(-100), hi=frozen_ints(100), scale=(Fraction(1, 3),))
    s = Step(name="s", inputs=("x",), curves=(MultiplyShift(3, -7, 4, -100, 100),))  # type: ignore[arg-type]
    graph = verify(
        Graph((x, s, Reindex(name="r", inputs=("s",), index=frozen_ints([0])), Output(name="y", inputs=("r",))))
    )
    given = {"x": np.arange(-100, 101).reshape(-1, 1)}
    found = run_ort(onnx_model(graph).SerializeToString(), outside(graph, given))["y"][:, 0]
    assert found.tolist() == [(3 * v - 7) >> 4 for v in range(-100, 101)]
