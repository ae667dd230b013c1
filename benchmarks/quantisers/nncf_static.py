"""NNCF's post-training quantisation of an ONNX model. Run: ``python nncf_static.py OUT``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nncf
import onnx
from floats import one_by_one, onnx_model, onnxruntime_answers, written

MODES: dict[str, dict[str, Any]] = {
    "performance": {"preset": nncf.QuantizationPreset.PERFORMANCE},
    "mixed": {"preset": nncf.QuantizationPreset.MIXED},
    "npu": {"target_device": nncf.TargetDevice.NPU},
}


def main(out: Path) -> None:
    """Every mode of both networks."""
    for network in ("mlp", "cnn"):
        for mode, options in MODES.items():

            def make(folder: Path, of: str = network, options: dict[str, Any] = options) -> Path:
                model = onnx_model(of, opset=17, batch=1)
                found = nncf.quantize(model, nncf.Dataset(list(one_by_one(of))), **options)
                onnx.save(found, folder / "model.onnx")
                return folder / "model.onnx"

            written(out, mode, network, make, onnxruntime_answers, tool=f"nncf {nncf.__version__}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
