"""The reference interpreter against qonnx's executor on dense and convolutional networks, floats in, floats out.

    python benchmarks/interpreter.py [--docs]

qonnx runs the samples one by one, as ``execute_onnx`` is meant to be called on a model with batch size 1, and once
more in batches, on the same model with its batch size changed. isobit takes them all in one call. Every figure is
CPU time of a process of its own, without imports and without loading the model.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import SIZES, benchmark_models, fastest, in_fresh_process, publish, table
from networks import CNNS, write_cnn


@dataclass(frozen=True)
class Load:
    """Shape of a sample, and the samples that qonnx takes one by one, in one batch, and that the interpreter takes."""

    shape: tuple[int, ...]
    single: int
    batch: int
    ours: int

    def samples(self, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """Float32 inputs ``(count, *shape)``, the same first ones for every count."""
        return np.random.default_rng(0).uniform(-1, 1, (count, *self.shape)).astype(np.float32)


DENSE = Load((SIZES[0],), single=100, batch=1000, ours=100_000)


def load_of(name: str) -> Load:
    """The load of a benchmark network."""
    return Load(CNNS[name], single=20, batch=100, ours=2000) if name in CNNS else DENSE


def measure_isobit(file: str, load: Load) -> dict[str, Any]:
    """Microseconds a sample, and the outputs of those that qonnx takes one by one."""
    import isobit
    from isobit.interp import Evaluator, dequantise, quantise

    with tempfile.TemporaryDirectory() as scratch:
        graph = isobit.compile(file, Path(scratch) / "build").graph
    (node,), (output,), evaluator = graph.inputs, graph.outputs, Evaluator(graph)

    def run() -> Any:
        return dequantise(output, evaluator.run({node.name: quantise(node, x)})[output.name])

    x = load.samples(load.ours)
    y, seconds = fastest(run)
    return {"us": 1e6 * seconds / load.ours, "y": y[: load.single].reshape(-1).tolist()}


def measure_qonnx(file: str, load: Load) -> dict[str, Any]:
    """Microseconds a sample one by one and in a batch, and the outputs of the first."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.util.cleanup import cleanup_model

    def run(model: Any, x: Any) -> Any:
        return execute_onnx(model, {model.graph.input[0].name: x})[model.graph.output[0].name]

    model, x = cleanup_model(ModelWrapper(file)), load.samples(load.single)
    y, single = fastest(lambda: np.concatenate([run(model, x[i : i + 1]) for i in range(load.single)]))
    batched = cleanup_model(ModelWrapper(file), override_inpsize=load.batch)
    _, batch = fastest(lambda: run(batched, load.samples(load.batch)))
    return {"us": 1e6 * single / load.single, "us_batch": 1e6 * batch / load.batch, "y": y.reshape(-1).tolist()}


def row(name: str, file: Path) -> list[str]:
    """One network's line of the table."""
    ours, theirs = (in_fresh_process(__file__, "--measure", tool, name, str(file)) for tool in ("isobit", "qonnx"))
    differ = sum(a != b for a, b in zip(ours["y"], theirs["y"], strict=True))
    print(f"{name}: isobit {ours['us']:.2f} us a sample, qonnx {theirs['us']:.0f}, in batches {theirs['us_batch']:.1f}")
    ratios = (f"{theirs[key] / ours['us']:,.0f}" for key in ("us", "us_batch"))
    return [name, *ratios, f"{differ} of {len(ours['y'])}"]


def main() -> None:
    """Measures, or, as a fresh process, is measured."""
    if "--measure" in sys.argv:
        tool, name, file = sys.argv[-3:]
        print(json.dumps({"isobit": measure_isobit, "qonnx": measure_qonnx}[tool](file, load_of(name))))
        return
    with benchmark_models() as models, tempfile.TemporaryDirectory() as scratch:
        cnns = {name: write_cnn(name, Path(scratch)) for name in CNNS}
        rows = [row(name, file) for name, file in (models | cnns).items()]
    header = ("network", "times qonnx, one by one", "times qonnx, in batches", "outputs that differ")
    publish("interpreter", table(header, rows))


if __name__ == "__main__":
    main()
