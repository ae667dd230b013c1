"""The loader: what a good file becomes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from isobit.errors import IsobitError
from isobit.frontend.onnx.file import load_onnx
from tests.onnx_builder import Net, save


def ops(path: Path) -> list[str]:
    return [node.op for node in load_onnx(path).nodes]


def test_a_small_model_keeps_its_nodes_names_and_shapes(tmp_path: Path) -> None:
    net = Net([1, 3], name="in")
    net.op("Relu", net.op("MatMul", net.quant("in", 0.5), np.ones((3, 2))))
    model = load_onnx(net.save(tmp_path))
    assert [(n.op, n.name, n.domain) for n in model.nodes] == [
        ("Quant", "Quant_0", "qonnx"),
        ("MatMul", "MatMul_1", ""),
        ("Relu", "Relu_2", ""),
    ]
    assert [(i.name, i.label, i.shape, i.dtype) for i in model.inputs] == [("in", "in", (1, 3), "float32")]
    assert [(o.name, o.shape) for o in model.outputs] == [("t2", (1, 2))]
    assert model.shapes["t1"] == (1, 2)
    assert model.nodes[0].attrs == {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
    assert (model.nodes[0].opset, model.nodes[1].opset) == (1, 13)


def test_the_digest_is_of_the_file_bytes(tmp_path: Path) -> None:
    net = Net([1, 3])
    net.op("Relu", "x")
    path = net.save(tmp_path)
    assert load_onnx(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("batch", [1, 7, "N", None, 0])
def test_any_batch_becomes_one(tmp_path: Path, batch: int | str | None) -> None:
    net = Net([batch, 3])
    net.op("MatMul", "x", np.ones((3, 2)))
    model = load_onnx(net.save(tmp_path))
    assert (model.inputs[0].shape, model.outputs[0].shape) == ((1, 3), (1, 2))


def test_notes_of_widths_on_standard_operators_are_dropped_and_other_attributes_are_not(tmp_path: Path) -> None:
    """QuantLab writes how many bits hold the numbers; what else it writes changes what an operator computes."""
    net = Net([1, 3])
    net.op("MatMul", "x", np.ones((3, 2)), weight_bits=8, bias_bits=32)
    assert [node.attrs for node in load_onnx(net.save(tmp_path)).nodes] == [{}]
    net.op("Add", "x", "x", add_bits=32, in1_mul=3)
    with pytest.raises(IsobitError, match="in1_mul") as refused:
        load_onnx(net.save(tmp_path))
    assert refused.value.code == "E102"


def test_shape_expressions_are_constants(tmp_path: Path) -> None:
    net = Net(["N", 2, 3])
    first = net.op("Gather", net.op("Shape", "x"), net.const(0, np.int64))
    head = net.op("Unsqueeze", first, net.const([0], np.int64))
    target = net.op("Concat", head, net.const([-1], np.int64), axis=0)
    net.op("Reshape", "x", target)
    model = load_onnx(net.save(tmp_path))
    assert [node.op for node in model.nodes] == ["Reshape"]
    assert model.constants[model.nodes[0].inputs[1]].tolist() == [1, -1]
    assert model.outputs[0].shape == (1, 6)


def test_shape_honours_start_and_end(tmp_path: Path) -> None:
    net = Net([1, 2, 3])
    net.op("Reshape", "x", net.op("Concat", net.op("Shape", "x", start=1, end=-1), net.const([3], np.int64), axis=0))
    assert load_onnx(net.save(tmp_path, opset=15)).outputs[0].shape == (2, 3)


def test_constant_arithmetic_is_the_float32_arithmetic_of_the_source(tmp_path: Path) -> None:
    third, tenth = np.float32(1) / np.float32(3), np.float32(0.1)
    net = Net([1, 3])
    scale = net.op("Div", net.op("Add", third, tenth), net.op("Pow", 3.0, 2.0))
    net.op("Mul", "x", scale)
    model = load_onnx(net.save(tmp_path))
    value = model.constants[model.nodes[0].inputs[1]]
    assert value.dtype == np.float32
    assert value == (third + tenth) / np.float32(9)
    assert value.shape == ()


def test_quantised_weights_and_what_depends_on_them_stay_nodes(tmp_path: Path) -> None:
    net = Net([1, 3])
    weight = net.op("Transpose", net.quant(net.op("Mul", np.ones((2, 3)), 3.0), 1.0), perm=[1, 0])
    net.op("MatMul", "x", weight)
    model = load_onnx(net.save(tmp_path))
    assert [node.op for node in model.nodes] == ["Quant", "Transpose", "MatMul"]
    assert (model.constants[model.nodes[0].inputs[0]] == 3).all()


def test_identity_dropout_and_float_casts_vanish_but_the_output_keeps_its_label(tmp_path: Path) -> None:
    net = Net([1, 3])
    kept = net.op("Relu", net.op("Identity", "x"))
    net.op("Cast", net.op("Dropout", kept, outputs=["d", "mask"]), to=TensorProto.FLOAT)
    net.op("Identity", net.nodes[-1].output[0], outputs=["logits"])
    model = load_onnx(net.save(tmp_path))
    assert [node.op for node in model.nodes] == ["Relu"]
    assert model.nodes[0].inputs == ("x",)
    assert [(o.name, o.label) for o in model.outputs] == [(kept, "logits")]


def test_a_cast_of_integers_and_a_used_dropout_mask_stay(tmp_path: Path) -> None:
    net = Net([1, 3], elem=TensorProto.UINT8)
    dropped = net.op("Dropout", net.op("Cast", "x", to=TensorProto.FLOAT), outputs=["d", "mask"])
    net.op("Where", "mask", dropped, 0.0)
    assert ops(net.save(tmp_path)) == ["Cast", "Dropout", "Where"]


@pytest.mark.parametrize("domain", ["", "onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.general"])
@pytest.mark.parametrize("op", ["Quant", "IntQuant"])
def test_old_domains_and_names_become_one_form(tmp_path: Path, domain: str, op: str) -> None:
    net = Net([1, 3])
    if domain == "" and op == "IntQuant":
        op = "Quant"  # the empty domain was only ever used with the old name
    net.op(op, "x", 0.5, 0.0, 4.0, domain=domain, signed=1, narrow=0)
    node = load_onnx(net.save(tmp_path)).nodes[0]
    assert (node.op, node.domain) == ("Quant", "qonnx")
    assert "rounding_mode" not in node.attrs


def test_annotations_follow_renamed_tensors(tmp_path: Path) -> None:
    net = Net([1, 3])
    inner = net.op("Identity", "x")
    net.op("Relu", inner)
    net.annotations = {inner: "INT8", "t1": "UINT7"}
    assert load_onnx(net.save(tmp_path)).annotations == {"x": "INT8", "t1": "UINT7"}


def test_unsorted_nodes_are_sorted_and_unreachable_ones_ignored(tmp_path: Path) -> None:
    net = Net([1, 3])
    last = net.op("Relu", net.op("Neg", net.op("Abs", "x")))
    net.op("NotAnOperator", "x")
    net.nodes.reverse()
    assert ops(net.save(tmp_path, last)) == ["Abs", "Neg", "Relu"]


def test_a_long_chain_is_no_recursion(tmp_path: Path) -> None:
    net = Net([1, 2])
    tensor = "x"
    for _ in range(1500):
        tensor = net.op("Neg", tensor)
    net.nodes.reverse()
    assert len(load_onnx(net.save(tmp_path, tensor)).nodes) == 1500


def test_names_may_hold_anything(tmp_path: Path) -> None:
    name = "class \"int'\n../../etc/\x1b[31m int; //"
    net = Net([1, 3], name=name)
    net.op("Relu", name, outputs=["../" + name])
    model = load_onnx(net.save(tmp_path))
    assert model.nodes[0].inputs == (name,)
    assert model.nodes[0].outputs == ("../" + name,)


def test_a_node_without_a_name_gets_one_from_its_output(tmp_path: Path) -> None:
    net = Net([1, 3])
    net.op("Relu", "x", outputs=["y"])
    net.nodes[0].name = ""
    assert load_onnx(net.save(tmp_path)).nodes[0].name == "Relu:y"


def test_an_initialiser_listed_as_input_is_no_input(tmp_path: Path) -> None:
    net = Net([1, 3])
    net.op("Add", "x", np.ones(3))
    net.inputs.append(helper.make_tensor_value_info("c0", TensorProto.FLOAT, [3]))
    assert [info.name for info in load_onnx(net.save(tmp_path)).inputs] == ["x"]


def test_constants_are_read_only(tmp_path: Path) -> None:
    net = Net([1, 3])
    net.op("Add", "x", np.ones(3))
    value = load_onnx(net.save(tmp_path)).constants["c0"]
    with pytest.raises(ValueError, match="read-only"):
        value[0] = 2


@pytest.mark.parametrize(
    ("attrs", "dtype"), [({"value_float": 2.0}, "float32"), ({"value_floats": [2.0] * 3}, "float32")]
)
def test_constant_nodes_of_every_kind(tmp_path: Path, attrs: dict[str, Any], dtype: str) -> None:
    net = Net([1, 3])
    net.op("Mul", "x", net.op("Constant", **attrs))
    model = load_onnx(net.save(tmp_path))
    value = model.constants[model.nodes[0].inputs[1]]
    assert (value == 2).all()
    assert value.dtype == dtype


def test_external_data_inside_the_folder_is_read(tmp_path: Path) -> None:
    weights = np.arange(6, dtype=np.float32).reshape(3, 2)
    net = Net([1, 3])
    net.op("MatMul", "x", weights)
    model = net.model()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(b"1234" + weights.tobytes())
    external(model.graph.initializer[0], location="data/w.bin", offset="4", length="24")
    assert (load_onnx(save(model, tmp_path)).constants["c0"] == weights).all()


def external(tensor: onnx.TensorProto, **entries: str) -> None:
    """Turn a tensor into one with external data."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)


def test_two_input_gemm_and_an_absent_optional_input(tmp_path: Path) -> None:
    net = Net([1, 3])
    product = net.op("Gemm", "x", np.ones((4, 3)), transB=1)
    net.op("Clip", product, 0.0)
    net.nodes[-1].input[:] = [product, "", net.const(6.0)]
    model = load_onnx(net.save(tmp_path))
    assert model.nodes[1].inputs[1] == ""
    assert model.outputs[0].shape == (1, 4)


def test_typed_data_and_raw_data_mean_the_same(tmp_path: Path) -> None:
    net = Net([1, 2])
    net.op("Mul", "x", np.array([0.1, 3.0]))
    model = net.model()
    typed = helper.make_tensor("c0", TensorProto.FLOAT, [2], numpy_helper.to_array(model.graph.initializer[0]))
    raw = load_onnx(save(model, tmp_path)).constants["c0"]
    model.graph.initializer[0].CopyFrom(typed)
    assert (load_onnx(save(model, tmp_path)).constants["c0"] == raw).all()
