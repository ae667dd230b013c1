#!/bin/sh
# tensorflow-cpu 2.21.0: full integer quantisation of two layers with an activation between them that chooses: where or maximum.
# One would expect the first layer's output y to get the range that calibration saw of it, and the network to be a few steps off.
# Seen: SELECT and MAXIMUM want one scale for what goes in and what comes out, and the converter gives both the range of what
# comes out, though y is read by the other branch too. Of maximum(y, -y) and where(y > 0, y, -y) y is quantised over 0 .. 9.09,
# while it reaches down to -7.7: what is below 0 is 0 before it is negated, and the network is nearly its whole range off. Of the
# leaky ReLU written as maximum(y, 0.1 * y) or as a where, y ends at -0.77, and so the activation at -0.08. leaky_relu, abs and
# relu(y) + relu(-y) are right; there is no warning. Measured on the calibration samples themselves.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in tensorflow-cpu==2.21.0 numpy==2.4.6; do # one by one: a pinned package keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
cat > "$work/chosen.py" <<'PY'
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(0)
INNER, OUTER = (tf.constant(rng.normal(0, 0.25, (16, 16)).astype(np.float32)) for _ in range(2))
SAMPLES = rng.uniform(-4, 4, (100, 1, 16)).astype(np.float32)
ACTIVATIONS = {
    "maximum(y, 0.1 * y)": lambda y: tf.maximum(y, 0.1 * y),
    "where(y > 0, y, 0.1 * y)": lambda y: tf.where(y > 0, y, 0.1 * y),
    "where(y > 0, y, -y)": lambda y: tf.where(y > 0, y, -y),
    "maximum(y, -y)": lambda y: tf.maximum(y, -y),
    "leaky_relu(y, 0.1)": lambda y: tf.nn.leaky_relu(y, 0.1),
    "abs(y)": tf.abs,
    "relu(y) + relu(-y)": lambda y: tf.nn.relu(y) + tf.nn.relu(-y),
}
print(f"tensorflow {tf.__version__}")
wrong = {}
for name, activation in ACTIVATIONS.items():

    def network(x):
        return tf.matmul(activation(tf.matmul(x, INNER)), OUTER)

    function = tf.function(network, input_signature=[tf.TensorSpec((1, 16), tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], function)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x] for x in SAMPLES)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    (entry,), (exit_,) = interpreter.get_input_details(), interpreter.get_output_details()
    operators = [o for o in interpreter._get_ops_details() if o["op_name"] == "FULLY_CONNECTED"]
    tensors = {t["index"]: t for t in interpreter.get_tensor_details()}
    scale, zero = tensors[operators[0]["outputs"][0]]["quantization"]
    off, most = [], []
    for x in SAMPLES:
        interpreter.set_tensor(entry["index"], x)
        interpreter.invoke()
        wanted = function(x).numpy()
        off.append(np.abs(interpreter.get_tensor(exit_["index"]) - wanted).max())
        most.append(np.abs(wanted).max())
    wrong[name] = float(max(off) / max(most))
    ends = [scale * (end - zero) for end in (-128, 127)]
    print(f"{name}: y over {ends[0]:.2f} .. {ends[1]:.2f}; off by up to {max(off):.2f} of {max(most):.2f}")
for name, share in wrong.items():
    if "-y" in name and name[0] in "wm":
        assert share > 0.7, name
    elif "0.1 * y" in name:
        assert 0.05 < share < 0.1, name
    else:
        assert share < 0.02, name
PY
"$work/venv/bin/python" "$work/chosen.py" 2>/dev/null
