"""isobit: quantised neural networks to Vitis HLS projects, whose C simulation is compared integer by integer.

build = isobit.compile("model.onnx", "build/", board="pynq-z1")
result = isobit.csim(build)
assert result.equal
"""

from isobit.build.folder import Build
from isobit.build.folder import load_build as load
from isobit.check.csim.clocks import fifo_choices as fifos
from isobit.check.csim.result import CsimResult
from isobit.check.csim.run import csim
from isobit.check.lint.rules import lint_build as lint
from isobit.check.proofs.verify import verify_build as verify
from isobit.errors import CheckFailed, DoesNotFit, IsobitError
from isobit.flow import compile_model as compile
from isobit.flow import refit_source as refit
from isobit.pynq.pack import package
from isobit.report.page import write_report
from isobit.version import __version__

__all__ = [
    "Build", "CheckFailed", "CsimResult", "DoesNotFit", "IsobitError", "__version__", "compile", "csim", "fifos",
    "lint", "load", "package", "refit", "verify", "write_report",
]  # fmt: skip
