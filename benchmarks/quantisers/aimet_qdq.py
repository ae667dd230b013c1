"""AIMET's quantisation simulation of an ONNX model, exported with QDQ nodes. Run: ``python aimet_qdq.py OUT``."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
from aimet_onnx import QuantizationSimModel
from floats import one_by_one, onnx_model, onnxruntime_answers, written

MODES: dict[str, dict[str, Any]] = {
    "w8a8": {"param_type": "int8", "activation_type": "int8"},
    "w8a16": {"param_type": "int8", "activation_type": "int16"},
    "w4a8": {"param_type": "int4", "activation_type": "int8"},
}


def main(out: Path) -> None:
    """Every mode of both networks."""
    for network in ("mlp", "cnn"):
        for mode, options in MODES.items():

            def make(folder: Path, mode: str = mode, of: str = network, options: dict[str, Any] = options) -> Path:
                opset = 21 if mode != "w8a8" else 17
                sim = QuantizationSimModel(onnx_model(of, opset, batch=1), **options)
                sim.compute_encodings(list(one_by_one(of)))
                onnx.save(sim.to_onnx_qdq(), folder / "model.onnx")
                return folder / "model.onnx"

            written(out, mode, network, make, onnxruntime_answers, tool=f"aimet-onnx {version('aimet-onnx')}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
