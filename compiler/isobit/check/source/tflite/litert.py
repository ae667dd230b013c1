"""LiteRT itself, where it is installed: the kernels that define what a TFLite file computes, run on the file.

The package ``ai-edge-litert`` is optional. Its reference kernels (``BUILTIN_REF``) keep every tensor, so that each
layer can be compared; its default kernels (XNNPACK, and what it takes without that) give the outputs that most users
see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isobit.errors import IsobitError, printable

Kernels = Literal["BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "BUILTIN"]
NAMES: Mapping[Kernels, str] = {
    "BUILTIN_REF": "LiteRT, reference kernels",
    "BUILTIN_WITHOUT_DEFAULT_DELEGATES": "LiteRT, default kernels without XNNPACK",
    "BUILTIN": "LiteRT, default kernels",
}
"""What a verdict calls each set of kernels."""
_PACKAGE = "ai-edge-litert"


@dataclass(frozen=True)
class LitertRun:
    """What LiteRT computed: by tensor index ``(N, *shape[1:])`` arrays (``(N, *shape)`` where the first axis is not 1).

    ``operators`` are its own names of the file's operators, by place.
    """

    operators: Mapping[int, str]
    tensors: Mapping[int, NDArray[Any]]


def litert_version() -> str:
    """The installed version, "" where there is none."""
    try:
        import_module("ai_edge_litert.interpreter")
        return metadata.version(_PACKAGE)
    except (ImportError, OSError):
        return ""


def run_litert(path: Path, inputs: Mapping[int, NDArray[Any]], kernels: Kernels, wanted: set[int]) -> LitertRun:
    """Run the file for samples one by one.

    Args:
        inputs: by tensor index ``(N, *shape[1:])``, in any type that holds the tensor's.
        wanted: the tensors to return; those that XNNPACK keeps to itself can only be outputs.

    Raises:
        IsobitError: E606 when LiteRT refuses the file.
    """
    module = import_module("ai_edge_litert.interpreter")
    try:
        interpreter = module.Interpreter(
            model_path=str(path),
            experimental_op_resolver_type=module.OpResolverType[kernels],
            experimental_preserve_all_tensors=kernels != "BUILTIN",
            num_threads=1,
        )
        interpreter.allocate_tensors()
        dtypes = {detail["index"]: detail["dtype"] for detail in interpreter.get_input_details()}
        given = {i: np.ascontiguousarray(x.astype(dtypes[i])) for i, x in inputs.items()}
        count = len(next(iter(given.values())))
        runs = [_invoked(interpreter, {i: x[n : n + 1] for i, x in given.items()}, wanted) for n in range(count)]
    except (RuntimeError, ValueError, KeyError) as error:
        raise IsobitError(
            "E606", f"LiteRT does not take the file: {printable(error)}", where=printable(path)
        ) from error
    # the list of operators is an internal of the package: without it nothing but this cross-check is lost
    listed: Any = getattr(interpreter, "_get_ops_details", list)()
    return LitertRun(
        {int(op["index"]): str(op["op_name"]) for op in listed},
        {i: _batched(np.stack([run[i] for run in runs])) for i in sorted(wanted)},
    )


def _invoked(interpreter: Any, inputs: Mapping[int, NDArray[Any]], wanted: set[int]) -> dict[int, NDArray[Any]]:
    for index, x in inputs.items():
        interpreter.set_tensor(index, x)
    interpreter.invoke()
    return {index: interpreter.get_tensor(index) for index in wanted}


def _batched(x: NDArray[Any]) -> NDArray[Any]:
    return x[:, 0] if x.ndim > 1 and x.shape[1] == 1 else x
