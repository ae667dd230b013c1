"""AMD Quark's named ONNX configurations. Run: ``python amd_quark.py OUT``."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
from floats import one_by_one, onnx_model, onnxruntime_answers, written
from onnxruntime.quantization import CalibrationDataReader
from quark.onnx import ModelQuantizer, get_library_path
from quark.onnx.quantization.config import Config, get_default_config

MODES = ("XINT8", "A8W8", "A16W8", "S8S8_AAWS", "U8U8_AAWA", "S16S8_ASWS", "U16S8_AAWS", "INT16_CNN_DEFAULT")


class Reader(CalibrationDataReader):
    """The calibration samples, once."""

    def __init__(self, network: str) -> None:
        self.feeds = one_by_one(network)

    def get_next(self) -> Any:
        """The next feed, or None."""
        return next(self.feeds, None)


def main(out: Path) -> None:
    """Every configuration of both networks."""
    for network in ("mlp", "cnn"):
        for mode in MODES:

            def make(folder: Path, mode: str = mode, of: str = network) -> Path:
                given, path = folder / "float.onnx", folder / "model.onnx"
                onnx.save(onnx_model(of), given)
                config = Config(global_quant_config=get_default_config(mode))
                ModelQuantizer(config).quantize_model(str(given), str(path), Reader(of))
                given.unlink()
                return path

            def runs(path: Path, x: Any) -> Any:
                return onnxruntime_answers(path, x, get_library_path())

            written(out, mode.lower(), network, make, runs, tool=f"amd-quark {version('amd-quark')}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
