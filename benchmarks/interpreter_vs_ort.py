"""The reference interpreter against ONNX Runtime's own run of the same network in QDQ form, batch 100, one thread.

    python benchmarks/interpreter_vs_ort.py [--docs]

Networks are those of the tests, seeded and untrained, with 8 bits: QONNX for isobit, and by Brevitas' QCDQ export, with
BatchNorms folded by ONNX Runtime itself, for ONNX Runtime. Every figure is CPU time, floats in and floats
out, of a process of its own, without imports and without loading the model.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, fastest, in_fresh_process, publish, table

NETWORKS = {"ResNet-8 at 32x32": "resnet8_w8a8_pow2_tensor", "MobileNet-V1 0.25 at 96x96": "mobilenet_v1_025_w8a8_96"}
BATCH, REPEATS = 100, 5


def written(name: str, folder: Path) -> tuple[int, ...]:
    """``qonnx.onnx`` and ``qdq.onnx`` of a network in ``folder``; the shape of a sample."""
    sys.path[:0] = [str(ROOT / "tests")]
    import torch
    from brevitas.export import export_onnx_qcdq
    from models.brevitas_conv_nets import CASES

    from isobit.frontend.brevitas import export_module

    net = next(case for case in CASES if case.name == name)
    model = net.build().eval()
    export_module(model, net.input_shape, folder / "qonnx.onnx", "torchscript")
    given = torch.zeros(BATCH, *net.input_shape)
    options = {"opset_version": 13, "dynamo": False, "keep_initializers_as_inputs": False}
    export_onnx_qcdq(model, given, str(folder / "qdq.onnx"), **options)
    return tuple(net.input_shape)


def samples(shape: tuple[int, ...]) -> Any:
    """Float32 inputs ``(BATCH, *shape)``."""
    return np.random.default_rng(0).normal(size=(BATCH, *shape)).astype(np.float32)


def measure_isobit(folder: Path, shape: tuple[int, ...]) -> dict[str, Any]:
    """CPU seconds of a batch, and the classes."""
    import isobit
    from isobit.interp import Evaluator, dequantise, quantise

    graph = isobit.compile(folder / "qonnx.onnx", board="alveo-u250").graph
    (node,), (output,), evaluator, x = graph.inputs, graph.outputs, Evaluator(graph), samples(shape)
    y, seconds = fastest(
        lambda: dequantise(output, evaluator.run({node.name: quantise(node, x)})[output.name]), REPEATS
    )
    return {"seconds": seconds, "classes": y.reshape(BATCH, -1).argmax(1).tolist()}


def measure_ort(folder: Path, shape: tuple[int, ...]) -> dict[str, Any]:
    """The same by ONNX Runtime, all of its optimisations on."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "qdq.onnx"), options, providers=["CPUExecutionProvider"])
    (info,), x = session.get_inputs(), samples(shape)
    (y,), seconds = fastest(lambda: session.run(None, {info.name: x}), REPEATS)
    return {"seconds": seconds, "classes": y.reshape(BATCH, -1).argmax(1).tolist()}


def main() -> None:
    """Measures, or, as a fresh process, is measured."""
    if "--measure" in sys.argv:
        tool, folder, shape = sys.argv[-3:]
        measured = {"isobit": measure_isobit, "ort": measure_ort}[tool]
        print(json.dumps(measured(Path(folder), tuple(json.loads(shape)))))
        return
    rows = []
    for title, name in NETWORKS.items():
        with tempfile.TemporaryDirectory(prefix="isobit-ort-") as scratch:
            shape = json.dumps(written(name, Path(scratch)))
            ours, theirs = (in_fresh_process(__file__, "--measure", tool, scratch, shape) for tool in ("isobit", "ort"))
        differ = sum(a != b for a, b in zip(ours["classes"], theirs["classes"], strict=True))
        rows.append([title, f"{ours['seconds'] / theirs['seconds']:.2f}", f"{differ} of {BATCH}"])
    publish("ort", table(("network", "CPU time, times ONNX Runtime's", "predictions that differ"), rows))


if __name__ == "__main__":
    main()
