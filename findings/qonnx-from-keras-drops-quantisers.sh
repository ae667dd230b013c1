#!/bin/sh
# qonnx 0.4.0 (the last version with converters), qkeras 0.9.0, tensorflow 2.14.1: qonnx.converters.from_keras of networks of two layers.
# One would expect a Quant node for every quantiser of the QKeras model, or an error that names the one which has none in QONNX.
# Seen: an activation quantiser becomes a node only behind a ReLU or as the last layer. QActivation("quantized_bits(...)") in front
# of a layer is left out, quantized_tanh becomes a plain Tanh, quantized_relu with a negative slope a ReLU without one. Weights of
# quantized_bits whose alpha is not stated (QKeras' default, a scale of 1) stay floats: the handler's assertion is a line of the log, and
# from_keras ends as a success. Outputs of the file differ from the model's where they are computed in the same steps else.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
# in one go: qkeras alone brings a TensorFlow that it does not run with
"$work/venv/bin/pip" install --quiet --disable-pip-version-check "qonnx[qkeras]==0.4.0" qkeras==0.9.0 tensorflow==2.14.1 \
    tf2onnx==1.16.1 onnx==1.16.2 numpy==1.26.4 protobuf==3.20.3 tensorflow-model-optimization==0.7.5 setuptools==69.5.1
export PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
cat > "$work/converted.py" <<'PY'
from collections import Counter

import numpy as np
import qonnx.core.onnx_exec as execution
import tensorflow as tf
from qkeras import QActivation, QDense
from qonnx.converters import from_keras
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes

BITS, RELU = "quantized_bits(8,3,1,alpha=1)", "quantized_relu(6,2)"
rng = np.random.default_rng(1)


def network(*activations, last=None, weights="quantized_bits(5,1,1,alpha=1)"):
    """An input quantiser unless it is None, a layer, an activation, a layer, and perhaps a last activation."""
    tf.keras.utils.set_random_seed(3)
    first, middle = activations
    x = entry = tf.keras.Input((16,))
    for layer in (first, 32, middle, 10, last):
        if isinstance(layer, int):
            x = QDense(layer, kernel_quantizer=weights, use_bias=False)(x)
        elif layer:
            x = QActivation(layer)(x)
    return tf.keras.Model(entry, x)


CASES = {
    # name: model, quantisers it has, Quant nodes that the file has, whether the file computes the model
    "ReLU between the layers": (network(None, RELU), 3, 3, True),
    "and one at the end": (network(None, RELU, last=BITS), 4, 4, True),
    "and one of the input": (network(BITS, RELU), 4, 3, False),
    "quantized_bits between the layers": (network(None, BITS), 3, 2, False),
    "quantized_tanh between the layers": (network(None, "quantized_tanh(5)"), 3, 2, False),
    "ReLU with a slope of 1/8": (network(None, "quantized_relu(6,2,negative_slope=0.125)"), 3, 3, False),
    "weights without alpha": (network(None, RELU, weights="quantized_bits(5,1,1)"), 3, 1, False),
}
for name, (model, has, written, same) in CASES.items():
    converted, _ = from_keras(model, opset=13)
    file = ModelWrapper(converted).transform(InferShapes())
    nodes = Counter(n.op_type for n in file.graph.node)
    x = np.round(rng.normal(0, 1, (32, 16)) * 64).astype(np.float32) / 64
    entry, exit_ = file.graph.input[0].name, file.graph.output[0].name
    answers = np.concatenate([execution.execute_onnx(file, {entry: sample[None]})[exit_] for sample in x])
    wanted = model.predict(x, verbose=0)
    off = float(np.abs(answers - wanted).max())
    print(f"{name}: {nodes['Quant']} Quant for {has} quantisers, off by up to {off:.3f} of {np.abs(wanted).max():.3f}")
    assert nodes["Quant"] == written and (off < 1e-5) == same, (name, nodes, off)
PY
"$work/venv/bin/python" "$work/converted.py" 2>"$work/log" || { cat "$work/log"; exit 1; }
