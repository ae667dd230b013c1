#!/bin/sh
# hls4ml 1.3.0 with qonnx 1.0.0, Vitis back end: a map of small integers behind its global average, ONNX's
# GlobalAveragePool. One would expect a mean per channel.
# Seen: qonnx turns the map back to channels first in front of the operator, which its channels-last conversion does not
# know; hls4ml takes every pool to be channels last, and averages over channels and rows: 253 and 255 of 256 means are other
# numbers. io_parallel says nothing; the simulation of io_stream warns that an empty stream is read.
# isobit's back end never meets it (a mean is a depthwise sum there), and isobit check-hls4ml names the layer.
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
QUANT = {"domain": QONNX, "signed": 1, "narrow": 0, "rounding_mode": "ROUND"}


def file(shape, constants, nodes):
    """A network of one input ``x``, quantised to 5 bits as ``xq``, and one output ``y``; every scale is 1."""
    values = {"one": 1.0, "zero": 0.0, "five": 5.0, "three": 3.0} | constants
    tensors = [numpy_helper.from_array(np.asarray(v, dtype=np.float32), k) for k, v in values.items()]
    nodes = [helper.make_node("Quant", ["x", "one", "zero", "five"], ["xq"], **QUANT), *nodes]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]
    return helper.make_model(helper.make_graph(nodes, "net", [x], [y], tensors), ir_version=8, opset_imports=opsets)


def converted(model, folder, io_type):
    """hls4ml's model of the file."""
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.util.cleanup import cleanup_model

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ready = cleanup_model(cleanup_model(ModelWrapper(model)).transform(ConvertToChannelsLastAndClean()))
        config = hls4ml.utils.config_from_onnx_model(
            ready, granularity="name", backend="Vitis", default_precision="fixed<32,24>"
        )
        made = hls4ml.converters.convert_from_onnx_model(
            ready, output_dir=folder, backend="Vitis", io_type=io_type, hls_config=config
        )
    return made


images = np.random.default_rng(1).integers(-8, 8, (64, 4, 6, 6)).astype(np.float32)
model = file((4, 6, 6), {}, [helper.make_node("GlobalAveragePool", ["xq"], ["y"])])
for io_type in ("io_parallel", "io_stream"):
    with tempfile.TemporaryDirectory() as folder:
        made = converted(model, folder, io_type)
        wanted = images.mean(axis=(2, 3))
        with contextlib.redirect_stdout(io.StringIO()):
            made.compile()
        found = made.predict(images).reshape(64, 4)
    far = np.abs(found - wanted)
    print(f"{io_type}: {int((far > 0.01).sum())} of {far.size} means are off, by up to {far.max():.3g}")
    assert (far > 0.01).mean() > 0.9
PY
