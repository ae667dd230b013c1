"""The reference interpreter against qonnx's executor on a 16-64-32-32-5 network, floats in, floats out.

    python benchmarks/interpreter.py [--docs]

qonnx runs the samples one by one, as ``execute_onnx`` is meant to be called on a model with batch size 1, and once
more in batches, on the same model with its batch size changed. isobit takes them all in one call. Every figure is
CPU time of a process of its own, without imports and without loading the model.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import SIZES, benchmark_models, fastest, in_fresh_process, publish, table

SINGLE, BATCH, OURS = 100, 1000, 100_000
"""Samples that qonnx takes one by one, in one batch, and that the interpreter takes."""


def samples(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Float32 inputs ``(count, 16)``, the same first ones for every count."""
    return np.random.default_rng(0).uniform(-1, 1, (count, SIZES[0])).astype(np.float32)


def measure_isobit(file: str) -> dict[str, Any]:
    """Microseconds a sample, and the first :data:`SINGLE` outputs."""
    import isobit
    from isobit.interp import Evaluator, dequantise, quantise

    with tempfile.TemporaryDirectory() as scratch:
        graph = isobit.compile(file, Path(scratch) / "build").graph
    (node,), (output,), evaluator = graph.inputs, graph.outputs, Evaluator(graph)

    def run() -> Any:
        return dequantise(output, evaluator.run({node.name: quantise(node, x)})[output.name])

    x = samples(OURS)
    y, seconds = fastest(run)
    return {"us": 1e6 * seconds / OURS, "y": y[:SINGLE].tolist()}


def measure_qonnx(file: str) -> dict[str, Any]:
    """Microseconds a sample one by one and in a batch, and the outputs of the first."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.util.cleanup import cleanup_model

    def run(model: Any, x: Any) -> Any:
        return execute_onnx(model, {model.graph.input[0].name: x})[model.graph.output[0].name]

    model, x = cleanup_model(ModelWrapper(file)), samples(SINGLE)
    y, single = fastest(lambda: np.concatenate([run(model, x[i : i + 1]) for i in range(SINGLE)]))
    batched = cleanup_model(ModelWrapper(file), override_inpsize=BATCH)
    _, batch = fastest(lambda: run(batched, samples(BATCH)))
    return {"us": 1e6 * single / SINGLE, "us_batch": 1e6 * batch / BATCH, "y": y.tolist()}


def row(name: str, file: Path) -> list[str]:
    """One network's line of the table."""
    ours, theirs = (in_fresh_process(__file__, "--measure", tool, str(file)) for tool in ("isobit", "qonnx"))
    differ = sum(a != b for ys, zs in zip(ours["y"], theirs["y"], strict=True) for a, b in zip(ys, zs, strict=True))
    print(f"{name}: isobit {ours['us']:.2f} us a sample, qonnx {theirs['us']:.0f}, in batches {theirs['us_batch']:.1f}")
    ratios = (f"{theirs[key] / ours['us']:,.0f}" for key in ("us", "us_batch"))
    return [name, *ratios, f"{differ} of {SINGLE * SIZES[-1]}"]


def main() -> None:
    """Measures, or, as a fresh process, is measured."""
    if "--measure" in sys.argv:
        tool, file = sys.argv[-2:]
        print(json.dumps({"isobit": measure_isobit, "qonnx": measure_qonnx}[tool](file)))
        return
    with benchmark_models() as models:
        rows = [row(name, file) for name, file in models.items()]
    header = ("network", "times qonnx, one by one", f"times qonnx, batches of {BATCH}", "outputs that differ")
    publish("interpreter", table(header, rows))


if __name__ == "__main__":
    main()
