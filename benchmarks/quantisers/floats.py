"""The two float networks that every ONNX quantiser here gets, and what each script of this folder writes.

Seeded, untrained, small enough that the C simulation takes seconds: what is asked is which integers a quantiser
writes, not how accurate they are. Needs numpy and onnx, nothing of isobit: it runs in the tools' own environments.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

SHAPES = {"mlp": (16,), "cnn": (3, 12, 12)}
CALIBRATION, SAMPLES = 64, 40


def samples(network: str, seed: int, count: int) -> np.ndarray:
    """Float32 samples ``(count, *SHAPES[network])``, about normal, rounded so that float sums of them are tame."""
    values = np.random.default_rng(seed).normal(0, 1, (count, *SHAPES[network]))
    return np.round(values * 64).astype(np.float32) / 64


class Weights:
    """Seeded weights in the order in which they are asked for."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, *shape: int) -> np.ndarray:
        """Weights of an output-first shape, of a variance that keeps the activations' size."""
        fan = int(np.prod(shape[1:])) or 1
        return (self.rng.normal(0, 1, shape) * np.sqrt(2 / fan)).astype(np.float32)

    def bias(self, size: int) -> np.ndarray:
        """A bias of this many channels."""
        return (self.rng.normal(0, 1, size) * 0.1).astype(np.float32)


def onnx_model(network: str, opset: int = 17, batch: int | str = "N") -> Any:
    """The float network as an ONNX model with input ``x`` and output ``y``."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, inits, weights = [], [], Weights(7)

    def constant(name: str, value: np.ndarray) -> str:
        inits.append(numpy_helper.from_array(value, name))
        return name

    def layer(op: str, name: str, x: str, shape: tuple[int, ...], **attributes: Any) -> str:
        operands = [x, constant(f"{name}_w", weights(*shape)), constant(f"{name}_b", weights.bias(shape[0]))]
        nodes.append(helper.make_node(op, operands, [name], name, **attributes))
        return name

    def plain(op: str, name: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    if network == "mlp":
        a = plain("Relu", "r1", layer("Gemm", "fc1", "x", (32, 16), transB=1))
        a = plain("Relu", "r2", layer("Gemm", "fc2", a, (32, 32), transB=1))
    else:
        same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
        a = plain("Relu", "r1", layer("Conv", "c1", "x", (8, 3, 3, 3), **same))
        b = plain("Relu", "r2", layer("Conv", "c2", a, (8, 8, 3, 3), **same))
        a = plain("Add", "join", a, layer("Conv", "c3", b, (8, 8, 3, 3), **same))
        a = plain("MaxPool", "pool", plain("Relu", "r3", a), kernel_shape=[2, 2], strides=[2, 2])
        a = plain("Relu", "r4", layer("Conv", "c4", a, (16, 8, 3, 3), strides=[2, 2], **same))
        a = plain("Flatten", "flat", plain("GlobalAveragePool", "gap", a))
    layer("Gemm", "y", a, (10, 32 if network == "mlp" else 16), transB=1)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *shape])
        for name, shape in (("x", SHAPES[network]), ("y", (10,)))
    ]
    graph = helper.make_graph(nodes, network, ends[:1], ends[1:], inits)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10 if opset > 20 else 8)


def one_by_one(network: str, count: int = CALIBRATION, name: str = "x") -> Iterator[dict[str, np.ndarray]]:
    """The calibration samples as feeds of batch 1."""
    for sample in samples(network, 1, count):
        yield {name: sample[None]}


def written(
    out: Path, mode: str, network: str, make: Callable[[Path], Path], runs: Callable[..., Any], **said: Any
) -> None:
    """Have ``make(folder)`` write one file, run it in the tool's own runtimes, and keep what they answer.

    ``runs(path, x)`` gives the answers by the runtime's name. A tool that fails leaves its error, which is a row too;
    a mode that is there already is kept.
    """
    folder = out / f"{network}-{mode}"
    if (folder / "io.npz").is_file():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    record: dict[str, Any] = {"mode": mode, "network": network, **said}
    try:
        path = make(folder)
        x = samples(network, 2, SAMPLES)
        answers: Mapping[str, np.ndarray] = runs(path, x)
        np.savez_compressed(folder / "io.npz", x=x, **{f"y {name}": y for name, y in answers.items()})
        record["file"] = path.name
    except Exception as error:  # the tool's own failure is what there is to say about this mode
        record["failed"] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
    (folder / "meta.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(folder.name, record.get("failed", "written"), flush=True)


def onnxruntime_answers(path: Path, x: np.ndarray, library: str = "") -> dict[str, np.ndarray]:
    """What ONNX Runtime's default session and one without optimiser compute, sample by sample."""
    import onnxruntime as ort

    found = {}
    levels = ort.GraphOptimizationLevel
    for name, level in (("ORT default", levels.ORT_ENABLE_ALL), ("ORT unoptimised", levels.ORT_DISABLE_ALL)):
        options = ort.SessionOptions()
        options.graph_optimization_level, options.intra_op_num_threads = level, 1
        if library:
            options.register_custom_ops_library(library)
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        feed = session.get_inputs()[0].name
        found[name] = np.concatenate([session.run(None, {feed: sample[None]})[0] for sample in x])
    return found
