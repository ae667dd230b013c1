"""isobit: quantised neural networks to Vitis HLS projects, whose C simulation is compared integer by integer.

build = isobit.compile("model.onnx", "build/", board="pynq-z1")
result = isobit.csim(build)
assert result.equal
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from isobit.errors import CheckFailed, DoesNotFit, IsobitError
from isobit.version import __version__

if TYPE_CHECKING:
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

__all__ = [
    "Build", "CheckFailed", "CsimResult", "DoesNotFit", "IsobitError", "__version__", "accuracy", "boards", "compile",
    "csim", "export", "fifos", "lint", "load", "package", "predict", "refit", "verify", "write_report",
]  # fmt: skip

_ELSEWHERE = {"Build": "api.build", "CsimResult": "check.csim.result", "compile": "api.compile", "export": "api.export"}
"""Where a name is found that is not in ``api.functions``."""


def __getattr__(name: str) -> Any:
    """A name of the interface, imported when it is first asked for: ``isobit --help`` needs none of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'api.functions')}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
