#!/bin/sh
# onnx 1.23.2 (its reference evaluator), beside onnxruntime 1.32.0: MaxPool's second output, and ceil_mode with a stride of 1.
# One would expect Indices to say where the maxima lie, and ceil_mode to change nothing where the stride divides everything.
# Seen: with overlapping windows the indices point at other elements. Pads of four
# numbers are taken in pairs for an axis, first rows, then columns, where they are the two starts, then the two ends. ceil_mode
# makes an image with a stride of 1 grow by its padding, filled up with zeros. The shapes are not those that the checker infers.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.23.2 onnxruntime==1.32.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

x = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)  # every element is its own index


def pooled(outputs, **attributes):
    """Rows and columns that the checker infers; what the evaluator and ONNX Runtime make."""
    graph = helper.make_graph(
        [helper.make_node("MaxPool", ["x"], outputs, **attributes)],
        "pool",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [onnx.ValueInfoProto(name=name) for name in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model, full_check=True)
    shape = tuple(d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim)
    reference = ReferenceEvaluator(model).run(None, {"x": x})
    return shape, reference, ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})


print(f"onnx {onnx.__version__}, onnxruntime {ort.__version__}")
for attributes, right in (
    ({"kernel_shape": [2, 2], "strides": [2, 2]}, True),
    ({"kernel_shape": [2, 2]}, False),
    ({"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, False),
):
    _, (values, indices), runtime = pooled(["y", "where"], **attributes)
    print(f"{attributes}: maxima {values.ravel().tolist()} at {indices.ravel().tolist()}")
    assert (values == runtime[0]).all() and (runtime[1] == runtime[0]).all()
    assert (indices == values).all() == right
for pads, ceil in (([1, 1, 1, 1], 0), ([0, 0, 1, 1], 0), ([1, 1, 1, 1], 1), ([0, 0, 1, 1], 1)):
    shape, (values,), (runtime,) = pooled(["y"], kernel_shape=[3, 3], pads=pads, ceil_mode=ceil)
    print(f"3x3, pads {pads}, ceil_mode {ceil}: inferred {shape}, evaluator {values.shape}: {values[0, 0].tolist()}")
    assert runtime.shape == shape
    if pads == [1, 1, 1, 1] and not ceil:
        assert (values == runtime).all()
    else:
        assert values.shape != shape and (values == 0).any() == bool(ceil)
PY
