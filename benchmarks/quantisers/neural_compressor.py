"""ONNX Neural Compressor's static quantisation. Run: ``python neural_compressor.py OUT``."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
from floats import one_by_one, onnx_model, onnxruntime_answers, written
from onnx_neural_compressor import data_reader
from onnx_neural_compressor.quantization import QuantFormat, QuantType, config, quantize

MODES: dict[str, dict[str, Any]] = {
    "qdq": {"quant_format": QuantFormat.QDQ},
    "qdq-u8s8-per-channel": {
        "quant_format": QuantFormat.QDQ, "per_channel": True,
        "activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8,
    },
    "qoperator": {"quant_format": QuantFormat.QOperator},
}  # fmt: skip


class Reader(data_reader.CalibrationDataReader):
    """The calibration samples, from the start after every rewind."""

    def __init__(self, network: str) -> None:
        self.network = network
        self.rewind()

    def get_next(self) -> Any:
        """The next feed, or None."""
        return next(self.feeds, None)

    def rewind(self) -> None:
        """Begin again."""
        self.feeds = one_by_one(self.network)


def main(out: Path) -> None:
    """Every mode of both networks."""
    for network in ("mlp", "cnn"):
        for mode, options in MODES.items():

            def make(folder: Path, of: str = network, options: dict[str, Any] = options) -> Path:
                given, path = folder / "float.onnx", folder / "model.onnx"
                onnx.save(onnx_model(of, opset=17, batch=1), given)
                quantize(str(given), str(path), config.StaticQuantConfig(calibration_data_reader=Reader(of), **options))
                given.unlink()
                return path

            name = "onnx-neural-compressor"
            written(out, mode, network, make, onnxruntime_answers, tool=f"{name} {version(name)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
