#!/bin/sh
# tensorflow-cpu 2.21.0: full integer quantisation of a network with tf.reverse.
# One would expect the quantised network's outputs to be the float network's to within a few steps, and an operator that only
# moves values to have one scale at both ends, as its kernel moves the stored integers.
# Seen: of x - 2 * reverse(x) the converter gives REVERSE_V2 the scale of the product behind it, twice that of x: every reversed value
# counts double, and the result is a third of its range off. reverse(2 * x), and 2 * transpose(x) or 2 * gather(x) in its place, are right.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in tensorflow-cpu==2.21.0 numpy==2.4.6; do # one by one: a pinned package keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
cat > "$work/reversed.py" <<'PY'
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(0)
SHAPE = (1, 8, 8, 4)


def samples():
    return rng.uniform(-4, 4, SHAPE).astype(np.float32)


def reverse_then_double(x):
    return x - 2 * tf.reverse(x, [1])


def double_then_reverse(x):
    return x - tf.reverse(2 * x, [1])


def transpose_then_double(x):
    return x - 2 * tf.transpose(x, [0, 2, 1, 3])


def gather_then_double(x):
    return x - 2 * tf.gather(x, [1, 0, 3, 2, 5, 4, 7, 6], axis=1)


print(f"tensorflow {tf.__version__}")
for network in (reverse_then_double, double_then_reverse, transpose_then_double, gather_then_double):
    function = tf.function(network, input_signature=[tf.TensorSpec(SHAPE, tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], function)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([samples()] for _ in range(50))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    x, (entry,), (exit_,) = samples(), interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(entry["index"], x)
    interpreter.invoke()
    wanted = function(x).numpy()
    wrong = float(np.abs(interpreter.get_tensor(exit_["index"]) - wanted).max())
    scales = {t["name"]: t["quantization"][0] for t in interpreter.get_tensor_details() if t["dtype"] == np.int8}
    print(f"{network.__name__}: off by at most {wrong:.2f} of {np.abs(wanted).max():.2f}; scales {scales}")
    if network is reverse_then_double:
        assert scales["ReverseV2"] > 1.9 * scales["tfl.quantize"] and wrong > 3
    else:
        assert wrong < 0.2
PY
"$work/venv/bin/python" "$work/reversed.py" 2>/dev/null
