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

LAYERS = ("Quant", "BipolarQuant", "MultiThreshold", "Thresholding", "Requant")


def traced(path, samples):
    """The layers' names and values, the output last."""
    from finn.core.onnx_exec import execute_onnx
    from qonnx.core.modelwrapper import ModelWrapper

    model = ModelWrapper(str(path))
    entry, last = model.graph.input[0].name, model.graph.output[0].name
    kept = [n for n in model.graph.node if n.op_type in LAYERS and model.get_initializer(n.input[0]) is None]
    names = [n.output[0] for n in kept] + [last]
    shape = tuple(model.get_tensor_shape(entry))
    rows = {name: [] for name in names}
    for x in samples:
        x = np.moveaxis(x, 0, -1) if len(shape) == 4 and x.shape != shape[1:] and x.ndim == 3 else x
        context = execute_onnx(model, {entry: x.reshape(shape).astype(np.float32)}, True)
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
