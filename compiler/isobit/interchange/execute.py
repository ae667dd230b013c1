"""Run an exported ONNX file by other programs: ONNX Runtime, ONNX's own reference evaluator, qonnx."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import numpy as np
import onnx

from isobit.errors import CheckFailed, printable
from isobit.interchange.arrays import run_arrays
from isobit.ir.types import IntArray

Outputs = Mapping[str, IntArray]
ORT_LEVELS = ("ORT_DISABLE_ALL", "ORT_ENABLE_ALL")
"""ONNX Runtime runs a file as it stands, and as it runs where nobody asks for anything."""


def onnx_runs(data: bytes, given: Outputs) -> Iterator[tuple[str, Callable[[], dict[str, IntArray]]]]:
    """Who can run the file here, by name and version, and how; ONNX Runtime at both levels, else ONNX itself."""
    if find_spec("onnxruntime") is None:
        yield f"onnx {metadata.version('onnx')} reference evaluator", lambda: run_reference(data, given)
        return
    for level in ORT_LEVELS:
        yield f"{ort_name()} {level}", lambda level=level: run_ort(data, given, level)  # type: ignore[misc]


def ort_name() -> str:
    """ONNX Runtime by name and version."""
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"


def run_ort(data: bytes, given: Outputs, level: str = "ORT_ENABLE_ALL") -> dict[str, IntArray]:
    """The outputs by name, from ONNX Runtime on the processor.

    Raises:
        CheckFailed: E616 when it does not take the file.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, dict(given)), strict=True))
    except Exception as error:  # ONNX Runtime documents no exception types
        raise _refused("ONNX Runtime", error) from error


def run_reference(data: bytes, given: Outputs) -> dict[str, IntArray]:
    """The outputs by name, from the reference evaluator that ONNX comes with; it shares no code with ONNX Runtime.

    Raises:
        CheckFailed: E616 when it does not take the file.
    """
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun

    class Gather(OpRun):  # type: ignore[misc, unused-ignore]
        """ONNX 1.22's own stumbles over tensors that a Transpose left in another order of memory."""

        op_domain = ""

        def _run(self, x: Any, indices: Any, axis: int | None = None) -> tuple[Any]:
            return (np.take(x, indices, axis=axis or 0),)

    try:
        evaluator = ReferenceEvaluator(onnx.load_model_from_string(data), new_ops=[Gather])
        return dict(zip(evaluator.output_names, evaluator.run(None, dict(given)), strict=True))
    except Exception as error:  # nor does it
        raise _refused("onnx", error) from error


def run_qonnx(data: bytes, given: Outputs) -> dict[str, IntArray]:
    """The outputs by name, from qonnx, sample by sample.

    Raises:
        CheckFailed: E616 when it does not take the file.
    """
    from qonnx.core.modelwrapper import ModelWrapper  # type: ignore[import-untyped, unused-ignore]
    from qonnx.core.onnx_exec import execute_onnx  # type: ignore[import-untyped, unused-ignore]

    count = len(next(iter(given.values())))
    try:
        model = ModelWrapper(onnx.load_model_from_string(data))
        each = [execute_onnx(model, {n: x[i : i + 1].astype(np.int64) for n, x in given.items()}) for i in range(count)]
    except Exception as error:  # nor does qonnx
        raise _refused("qonnx", error) from error
    return {name: np.concatenate([one[name] for one in each]) for name in each[0]}


def run_npz(data: bytes, given: Outputs) -> dict[str, IntArray]:
    """The outputs by name, from the arrays alone."""
    file: Any = np.load(io.BytesIO(data))
    with file:
        return run_arrays(file, given)


def _refused(who: str, error: Exception) -> CheckFailed:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return CheckFailed("E616", f"{who} does not run the file: {printable(lines[0], 300)}")
