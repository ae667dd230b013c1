"""A transformer encoder block of Keras, quantised to int8 by TensorFlow's converter.

Run in tensorflow's environment (``tools.toml``): ``python keras_encoder.py OUT.tflite TOKENS WIDTH HEADS``. Attention,
two dense layers with a GELU between, each added and normalised; drawn weights. What isobit makes of it is in
docs/kernels.md.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf


def encoder(tokens: int, width: int, heads: int) -> bytes:
    """The TFLite file, calibrated on normal samples."""
    tf.keras.utils.set_random_seed(3)
    lay, rng = tf.keras.layers, np.random.default_rng(0)
    given = lay.Input((tokens, width), batch_size=1)
    x = lay.LayerNormalization()(lay.Add()([given, lay.MultiHeadAttention(heads, width // heads)(given, given)]))
    inner = lay.Dense(width)(lay.Dense(2 * width, activation="gelu")(x))
    model = tf.keras.Model(given, lay.LayerNormalization()(lay.Add()([x, inner])))
    samples = [rng.normal(size=(1, tokens, width)).astype(np.float32) for _ in range(32)]
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x] for x in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(encoder(*(int(v) for v in sys.argv[2:5])))
