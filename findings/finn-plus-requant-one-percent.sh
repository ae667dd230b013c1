#!/bin/sh
# finn-plus 1.6.1: thresholds of more than 8 bits, made hardware by InferRequantLayer, which step_convert_to_hw runs by default
# (requant_bitwidth_threshold is 9).
# One would expect thresholds, FINN's exact form of any requantizer, to keep every integer when they become hardware.
# Seen: thresholds that are equally far apart to within one per cent become a multiplication by the inverse of the *first*
# distance. With 1023 integer thresholds 100 and 101 apart (steps of 100.5, rounded up) most outputs change, by up to 5 levels;
# with all distances equal, or 10 and 11, none does.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check finn-plus==1.6.1 psutil==7.2.2 # with PyTorch: some 6 GB
"$work/venv/bin/python" -W ignore - 2>/dev/null <<'PY'
import finn.custom_op.fpgadataflow  # noqa: F401 - registers the operators
import numpy as np
from finn.core.onnx_exec import execute_onnx
from finn.transformation.fpgadataflow.convert_to_hw.requant import InferRequantLayer
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

LEVELS = 1023


def model(thresholds):
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [500, 1])] for name in "xy"]
    node = helper.make_node("MultiThreshold", ["x", "t"], ["y"], domain="qonnx.custom_op.general", out_dtype="UINT10")
    graph = helper.make_graph([node], "g", *ends, [numpy_helper.from_array(thresholds, "t")])
    sets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
    made = ModelWrapper(helper.make_model(graph, opset_imports=sets, ir_version=8))
    for name, kind in (("x", "INT20"), ("t", "INT20"), ("y", "UINT10")):
        made.set_tensor_datatype(name, DataType[kind])
    return made


for step, kind, most in ((100.5, "Requant", 5), (128.3, "Requant", 3), (100.0, "Requant", 0), (10.5, "MultiThreshold", 0)):
    thresholds = np.ceil((np.arange(1, LEVELS + 1) - 0.5) * step).astype(np.float32)[None]
    x = np.linspace(0, LEVELS * step, 500).astype(int).astype(np.float32)[:, None]
    before = model(thresholds)
    after = model(thresholds).transform(InferRequantLayer(bitwidth_threshold=9))
    was, became = (execute_onnx(m, {"x": x})["y"] for m in (before, after))
    assert np.array_equal(was, (x >= thresholds).sum(1, keepdims=True))
    wrong, by = int((was != became).sum()), int(np.abs(was - became).max())
    print(f"finn-plus 1.6.1, thresholds every {step}: {after.graph.node[0].op_type}, {wrong} of 500 integers differ, by up to {by}")
    assert after.graph.node[0].op_type == kind and by == most and (wrong > 300) == (most > 0)
PY
