#!/bin/sh
# hls4ml 1.3.0, Vitis back end, io_parallel: one convolution of small integers, all scales 1, with the Latency strategy
# and with the Resource strategy at reuse factors that hls4ml lists as valid for the layer.
# One would expect a strategy and a reuse factor to change speed and size, never a sum.
# Seen: up to the fan-in (kernel size times channels) all agree; above it the kernel leaves products out and channels
# stay zero. The assertion that was to prevent it compares two numbers that are always equal.
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

QONNX, CHANNELS, FILTERS, SIDE, KERNEL = "qonnx.custom_op.general", 2, 4, 5, 3
FAN_IN = CHANNELS * KERNEL * KERNEL
rng = np.random.default_rng(0)
weights = rng.integers(-4, 4, (FILTERS, CHANNELS, KERNEL, KERNEL)).astype(np.float32)
images = rng.integers(-8, 8, (16, CHANNELS, SIDE, SIDE)).astype(np.float32)
windows = np.lib.stride_tricks.sliding_window_view(images, (KERNEL, KERNEL), axis=(2, 3))
wanted = np.einsum("bcyxij,ocij->boyx", windows, weights)


def file():
    """Integers of 5 bits, weights of 3 bits, one Conv."""
    values = {"one": 1.0, "zero": 0.0, "five": 5.0, "three": 3.0, "w": weights}
    constants = [numpy_helper.from_array(np.asarray(v, dtype=np.float32), k) for k, v in values.items()]
    quant = {"domain": QONNX, "signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
    nodes = [
        helper.make_node("Quant", ["x", "one", "zero", "five"], ["xq"], **quant),
        helper.make_node("Quant", ["w", "one", "zero", "three"], ["wq"], **quant),
        helper.make_node("Conv", ["xq", "wq"], ["y"], kernel_shape=[KERNEL, KERNEL], strides=[1, 1],
                         pads=[0, 0, 0, 0], dilations=[1, 1], group=1),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *images.shape[1:]])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]
    return helper.make_model(helper.make_graph(nodes, "net", [x], [y], constants), ir_version=8, opset_imports=opsets)


def outputs(strategy, reuse):
    """hls4ml's outputs, channels first as in the file."""
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.util.cleanup import cleanup_model

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        model = cleanup_model(cleanup_model(ModelWrapper(file())).transform(ConvertToChannelsLastAndClean()))
        config = hls4ml.utils.config_from_onnx_model(
            model, granularity="name", backend="Vitis", default_precision="fixed<32,24>"
        )
        (layer,) = [name for name in config["LayerName"] if "Conv" in name]
        config["LayerName"][layer] |= {"Strategy": strategy, "ReuseFactor": reuse}
        made = hls4ml.converters.convert_from_onnx_model(
            model, output_dir=folder, backend="Vitis", io_type="io_parallel", hls_config=config
        )
        valid = made.config.backend.get_valid_reuse_factors(FAN_IN, FILTERS)
        assert strategy == "Latency" or reuse in valid, valid
        made.compile()
        return made.predict(images).reshape(wanted.shape)


for strategy, reuse in (("Latency", 1), ("Resource", FAN_IN), ("Resource", 2 * FAN_IN)):
    found = outputs(strategy, reuse)
    wrong = int((found != wanted).sum())
    zeros = int((found == 0).all(axis=(0, 2, 3)).sum())
    print(f"{strategy}, reuse factor {reuse}: {wrong} of {wanted.size} sums wrong, {zeros} of {FILTERS} channels zero")
    assert (wrong == 0) == (reuse <= FAN_IN)
PY
