"""Runs the intermediate models of a FINN build in Python and records what every threshold layer and the output give.

    python trace.py WORK MODEL...        in an environment with finn-plus; WORK/samples.npy holds the inputs

Writes WORK/result.json (per model its layers in order, or why FINN cannot execute it) and WORK/N.npz with their values.
"""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from check import prepare

LAST = ("Im2Col", "MaxPoolNHWC")
LAST_DOMAINS = ("finn.custom_op.fpgadataflow", "qonnx.custom_op.channels_last")
FIRST = ("Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "BatchNormalization")
FLAT = ("Reshape", "Flatten", "MatMul", "Gemm")
"""Operators and domains of channels last, operators of channels first, and those behind which there are none any more."""
LAYERS = ("Quant", "BipolarQuant", "MultiThreshold", "Thresholding", "Requant")
WITH_THRESHOLDS = ("MVAU", "VVAU")
"""Layers of thresholds, and products that may have them inside."""


def channels_last(model):
    """Has the model's input its channels last? By the first operators behind it that tell, else by its own note.

    Raises:
        ValueError: nothing tells.
    """
    entry = model.graph.input[0].name
    waiting, seen = [entry], set()
    while waiting:
        name = waiting.pop(0)
        for node in [n for n in model.graph.node if name in n.input and n.output[0] not in seen]:
            seen.add(node.output[0])
            attributes = {a.name: a for a in node.attribute}
            if node.op_type in LAST or node.domain.startswith(LAST_DOMAINS):
                return True
            if node.op_type in FIRST:
                return False
            if node.op_type == "Transpose":  # the one in front of an importer's graph, or behind it
                return list(attributes["perm"].ints)[1] == len(attributes["perm"].ints) - 1
            if node.op_type in FLAT:
                continue
            if "data_layout" in attributes and attributes["data_layout"].s in (b"NHWC", b"NWC"):
                return True
            waiting.append(node.output[0])
    layout = model.get_tensor_layout(entry)
    if not layout:
        raise ValueError("nothing tells whether the input has its channels first or last")
    return layout[-1] == "C"


def laid(x, model):
    """A sample ``(channels, *axes)`` or ``(features,)`` in the shape and the order of the model's input.

    Raises:
        ValueError: the input has another shape than the sample, or either order would fit it and nothing tells which.
    """
    shape = tuple(model.get_tensor_shape(model.graph.input[0].name))
    moved = np.moveaxis(x, 0, -1)
    if shape[1:] in (x.shape, moved.shape) and x.shape != moved.shape:
        return (x if shape[1:] == x.shape else moved).reshape(shape)
    first, last, wanted = ([n for n in given if n != 1] for given in (x.shape, moved.shape, shape[1:]))
    one_order = len(first) < 2 or x.shape[0] == 1
    if wanted == first and (one_order or first != last or not channels_last(model)):
        return x.reshape(shape)
    if wanted == last:
        return moved.reshape(shape)
    raise ValueError(f"an input of shape {list(shape)} for samples of shape {list(x.shape)}")


def quantises(node):
    """Does a node give the integers of a quantiser?"""
    inside = {a.name: a.i for a in node.attribute}.get("noActivation", 0) == 0  # FINN's own default
    return node.op_type in LAYERS or (node.op_type.startswith(WITH_THRESHOLDS) and inside)


def traced(path, samples):
    """The layers' names and values, the output last."""
    from finn.core.onnx_exec import execute_onnx
    from qonnx.core.modelwrapper import ModelWrapper

    model = ModelWrapper(str(path))
    entry, last = model.graph.input[0].name, model.graph.output[0].name
    kept = [n for n in model.graph.node if quantises(n) and model.get_initializer(n.input[0]) is None]
    names = [n.output[0] for n in kept] + [last]
    rows = {name: [] for name in names}
    for x in samples:
        context = execute_onnx(model, {entry: laid(x, model).astype(np.float32)}, True)
        for name in rows:
            rows[name].append(np.array(context[name], np.float64))
    layers = [{"name": n.name or n.output[0], "op": n.op_type} for n in kept] + [{"name": last, "op": "output"}]
    return layers, [np.concatenate(rows[name]) for name in names]


if __name__ == "__main__":
    work = Path(sys.argv[1])
    prepare(work)
    samples = np.load(work / "samples.npy")
    found = []
    for number, name in enumerate(sys.argv[2:]):
        try:
            layers, values = traced(name, samples)
            np.savez(work / f"{number}.npz", *values)
            found.append({"model": name, "layers": layers, "why": ""})
        except Exception as error:  # FINN documents no exception types
            found.append({"model": name, "layers": [], "why": f"{type(error).__name__}: {error}"[:300]})
    (work / "result.json").write_text(json.dumps(found), encoding="utf-8")
