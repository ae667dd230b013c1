"""isobit: quantised neural networks to Vitis HLS projects, whose C simulation is compared integer by integer.

build = isobit.compile("model.onnx", "build/", board="pynq-z1")
result = isobit.csim(build)
assert result.equal
"""

from isobit.api.build import Build
from isobit.api.compile import compile
from isobit.api.export import export
from isobit.api.functions import (
    accuracy,
    boards,
    csim,
    fifos,
    lint,
    load,
    package,
    predict,
    refit,
    verify,
    write_report,
)
from isobit.check.csim.result import CsimResult
from isobit.errors import CheckFailed, DoesNotFit, IsobitError
from isobit.version import __version__

__all__ = [
    "Build", "CheckFailed", "CsimResult", "DoesNotFit", "IsobitError", "__version__", "accuracy", "boards", "compile",
    "csim", "export", "fifos", "lint", "load", "package", "predict", "refit", "verify", "write_report",
]  # fmt: skip
