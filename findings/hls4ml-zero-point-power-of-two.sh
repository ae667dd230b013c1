#!/bin/sh
# hls4ml 1.3.0 with qonnx 1.0.0, Vitis back end: one dense layer behind a quantiser of 4 bits with a zero point of 3, at a
# scale that is a power of two, and at one that is not.
# One would expect powers of two to be the easy scales, and a zero point to count at all of them.
# Seen: at 0.3 every output is the file's; at 0.25 the zero point is left out without a word, and nearly none is.
# isobit's back end keeps zero points (compiler/isobit/frontend/qonnx), and isobit check-hls4ml names the quantiser.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 onnxruntime==1.31.1 qonnx==1.0.0 hls4ml==1.3.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
"$python" - <<'PY'
import contextlib
import io
import tempfile
import warnings

import numpy as np
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"
weights = np.random.default_rng(0).integers(-3, 4, (6, 5)).astype(np.float32)
samples = np.random.default_rng(1).normal(0, 1, (64, 6)).astype(np.float32)


def file(scale, zero_point):
    values = {"s": scale, "z": zero_point, "four": 4.0, "one": 1.0, "zero": 0.0, "three": 3.0, "w": weights}
    constants = [numpy_helper.from_array(np.asarray(v, dtype=np.float32), k) for k, v in values.items()]
    quant = {"domain": QONNX, "narrow": 0, "rounding_mode": "ROUND"}
    nodes = [
        helper.make_node("Quant", ["x", "s", "z", "four"], ["xq"], signed=0, **quant),
        helper.make_node("Quant", ["w", "one", "zero", "three"], ["wq"], signed=1, **quant),
        helper.make_node("MatMul", ["xq", "wq"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]
    return helper.make_model(helper.make_graph(nodes, "net", [x], [y], constants), ir_version=8, opset_imports=opsets)


def outputs(model):
    """hls4ml's of the file."""
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        ready = cleanup_model(ModelWrapper(model))
        config = hls4ml.utils.config_from_onnx_model(
            ready, granularity="name", backend="Vitis", default_precision="fixed<32,16>"
        )
        made = hls4ml.converters.convert_from_onnx_model(
            ready, output_dir=folder, backend="Vitis", io_type="io_parallel", hls_config=config
        )
        made.compile()
        return made.predict(samples)


for scale, zero_point in ((0.25, 0.0), (0.3, 3.0), (0.25, 3.0)):
    levels = np.clip(np.round(samples / np.float32(scale)) + zero_point, 0, 15)
    found, wanted = outputs(file(scale, zero_point)), (levels - zero_point) * np.float32(scale) @ weights
    right = int((np.abs(found - wanted) < 0.01).sum())
    print(f"scale {scale}, zero point {zero_point:g}: {right} of {wanted.size} outputs right")
    assert right == wanted.size if (scale, zero_point) != (0.25, 3.0) else right < wanted.size / 5
PY
