"""TensorFlow's converter on Keras models: int8 and int16x8 after training, and tfmot's QAT.

Run: ``python keras_tflite.py OUT``.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from floats import SHAPES, Weights, samples, written

INT8, INT16X8 = (
    tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
    tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
)
MODES: dict[str, tuple[Any, Any]] = {  # operator set, type of input and output
    "int8": (INT8, tf.int8),
    "uint8-io": (INT8, tf.uint8),
    "int8-float-io": (INT8, tf.float32),
    "int16x8": (INT16X8, tf.int16),
}


def model_of(network: str, keras: Any) -> Any:
    """The network as a Keras model with the seeded weights; channels last."""
    lay, shape = keras.layers, SHAPES[network]
    if network == "mlp":
        x = given = lay.Input(shape)
        for width in (32, 32):
            x = lay.Dense(width, activation="relu")(x)
    else:
        x = given = lay.Input((*shape[1:], shape[0]))
        a = lay.Conv2D(8, 3, padding="same", activation="relu")(x)
        b = lay.Conv2D(8, 3, padding="same", activation="relu")(a)
        x = lay.Add()([a, lay.Conv2D(8, 3, padding="same")(b)])
        x = lay.MaxPooling2D()(lay.ReLU()(x))
        x = lay.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
        x = lay.GlobalAveragePooling2D()(x)
    model, weights = keras.Model(given, lay.Dense(10)(x)), Weights(7)
    for layer in model.layers:
        if layer.get_weights():
            kernel, bias = layer.get_weights()
            back = (kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2))
            values = weights(*(kernel.shape[i] for i in back))
            layer.set_weights([values.transpose(np.argsort(back)), weights.bias(bias.size)])
    return model


def last(network: str, x: np.ndarray) -> np.ndarray:
    """Samples channels last."""
    return np.moveaxis(x, 1, -1) if network == "cnn" else x


def converted(network: str, model: Any, ops: Any, io: Any) -> bytes:
    """The TFLite file, calibrated on the same samples as the others."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None]] for x in last(network, samples(network, 1, 64)))
    if ops is not None:
        converter.target_spec.supported_ops = [ops]
    converter.inference_input_type = converter.inference_output_type = io
    return bytes(converter.convert())


def tflite_answers(path: Path, x: np.ndarray) -> dict[str, np.ndarray]:
    """What the interpreter's default kernels and its reference kernels compute, as real values."""
    found, kinds = {}, tf.lite.experimental.OpResolverType
    network = "cnn" if x.ndim == 4 else "mlp"
    for name, kind in (("TFLite default", kinds.AUTO), ("TFLite reference", kinds.BUILTIN_REF)):
        run = tf.lite.Interpreter(str(path), experimental_op_resolver_type=kind, num_threads=1)
        run.allocate_tensors()
        (given,), (answer,) = run.get_input_details(), run.get_output_details()
        rows = []
        for sample in last(network, x):
            run.set_tensor(given["index"], _stored(sample[None], given))
            run.invoke()
            rows.append(_real(run.get_tensor(answer["index"]), answer))
        found[name] = np.concatenate(rows)
    return found


def _stored(x: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    scale, zero = detail["quantization"]
    if detail["dtype"] is np.float32:
        return x
    ends = np.iinfo(detail["dtype"])
    steps = x / np.float32(scale) + np.float32(zero)
    return np.clip(np.sign(steps) * np.floor(np.abs(steps) + 0.5), ends.min, ends.max).astype(detail["dtype"])


def _real(y: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    scale, zero = detail["quantization"]
    return y if detail["dtype"] is np.float32 else ((y.astype(np.int64) - zero) * np.float32(scale)).astype(np.float32)


def main(out: Path) -> None:
    """Every mode of both networks."""
    tool = f"tensorflow {tf.__version__}"
    for network in ("mlp", "cnn"):
        for mode, (ops, io) in MODES.items():

            def make(folder: Path, of: str = network, ops: Any = ops, io: Any = io) -> Path:
                path = folder / "model.tflite"
                path.write_bytes(converted(of, model_of(of, tf.keras), ops, io))
                return path

            written(out, mode, network, make, tflite_answers, tool=tool)

        def trained(folder: Path, of: str = network) -> Path:
            import tf_keras

            aware = tfmot.quantization.keras.quantize_model(model_of(of, tf_keras))
            aware.compile("sgd", "mse")
            x = last(of, samples(of, 1, 64))
            aware.fit(x, np.zeros((64, 10), np.float32), epochs=1, batch_size=16, verbose=0, shuffle=False)
            path = folder / "model.tflite"
            path.write_bytes(converted(of, aware, None, tf.int8))
            return path

        name = "tensorflow-model-optimization"
        written(out, "tfmot-qat-int8", network, trained, tflite_answers, tool=f"{name} {version(name)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
