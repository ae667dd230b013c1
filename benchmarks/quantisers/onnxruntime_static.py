"""ONNX Runtime's ``quantize_static`` in the forms that people use. Run: ``python onnxruntime_static.py OUT``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from floats import one_by_one, onnx_model, onnxruntime_answers, written
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

QDQ, OPERATOR = QuantFormat.QDQ, QuantFormat.QOperator
I8, U8, I16, U16, I4 = QuantType.QInt8, QuantType.QUInt8, QuantType.QInt16, QuantType.QUInt16, QuantType.QInt4
SYMMETRIC = {"ActivationSymmetric": True}
MODES: dict[str, tuple[int, dict[str, Any]]] = {
    "qdq-default": (17, {}),
    "qdq-u8s8": (17, {"activation_type": U8, "weight_type": I8}),
    "qdq-per-channel": (17, {"per_channel": True}),
    "qdq-u8u8": (17, {"activation_type": U8, "weight_type": U8}),
    "qdq-symmetric": (17, {"extra_options": SYMMETRIC, "reduce_range": True}),
    "qdq-s16s8": (21, {"activation_type": I16}),
    "qdq-u16u8": (21, {"activation_type": U16, "weight_type": U8}),
    "qdq-s16s8-com-microsoft": (17, {"activation_type": I16, "extra_options": SYMMETRIC}),
    "qdq-s8-com-microsoft": (17, {"extra_options": {"UseQDQContribOps": True}}),
    "qdq-int4-weights": (21, {"weight_type": I4, "per_channel": True}),
    "qoperator": (17, {"quant_format": OPERATOR}),
    "qoperator-u8s8-per-channel": (17, {"quant_format": OPERATOR, "activation_type": U8, "per_channel": True}),
}  # fmt: skip


class Reader(CalibrationDataReader):
    """The calibration samples, once."""

    def __init__(self, network: str) -> None:
        self.feeds = one_by_one(network)

    def get_next(self) -> Any:
        """The next feed, or None."""
        return next(self.feeds, None)


def main(out: Path) -> None:
    """Every mode of both networks."""
    for network in ("mlp", "cnn"):
        for mode, (opset, options) in MODES.items():

            def make(folder: Path, opset: int = opset, options: dict[str, Any] = options, of: str = network) -> Path:
                given, prepared, path = folder / "float.onnx", folder / "prepared.onnx", folder / "model.onnx"
                onnx.save(onnx_model(of, opset), given)
                quant_pre_process(str(given), str(prepared), skip_symbolic_shape=True)
                quantize_static(str(prepared), str(path), Reader(of), **({"quant_format": QDQ} | options))
                given.unlink(), prepared.unlink()
                return path

            written(out, mode, network, make, onnxruntime_answers, tool=f"onnxruntime {onnxruntime.__version__}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
