"""A graph as numpy arrays in one ``.npz`` file: weights, multiplicands, shifts, thresholds, tables; and what runs it.

``layers`` is the graph as JSON, a list in order; every array of a layer is an entry ``LAYER.part``. :func:`run_arrays`
reads nothing but the file: it says in a page of numpy what the arrays mean.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from isobit.interchange.border import narrowest, ports
from isobit.interchange.fits import refuse_wide
from isobit.interchange.operators import window_positions
from isobit.interchange.staircases import Counted, staircases
from isobit.ir import Graph, Node, ops
from isobit.ir.types import IntArray

Arrays = Mapping[str, Any]
"""The entries of the file by name."""
Layer = Mapping[str, Any]
"""One record of ``layers``: ``name``, ``op``, ``inputs``, ``shape`` and what else the operation has."""


def npz_bytes(graph: Graph) -> bytes:
    """The file.

    Raises:
        IsobitError: E615 when the graph needs more than 64 bits.
    """
    refuse_wide(graph)
    layers, arrays = [], dict[str, IntArray]()
    for node in graph.nodes:
        facts, parts = described(graph, node)
        kind = graph.types[node.name]
        record = {"name": node.name, "op": node.op, "inputs": list(node.inputs), "shape": list(kind.shape)}
        layers.append(record | facts | {"least": kind.bounds[0], "most": kind.bounds[1]})
        arrays |= {f"{node.name}.{part}": compact(values) for part, values in parts.items()}
    target = io.BytesIO()
    entries: dict[str, Any] = {"layers": np.array(json.dumps(layers)), **arrays}
    np.savez(target, **entries)
    return target.getvalue()


def compact(values: IntArray) -> IntArray:
    """The same integers in the narrowest type that holds them."""
    lo, hi = (int(values.min()), int(values.max())) if values.size else (0, 0)
    return values.astype(narrowest(lo, hi))


def described(graph: Graph, node: Node) -> tuple[dict[str, Any], dict[str, IntArray]]:
    """What the record says of a node beyond its name, and its arrays."""
    if isinstance(node, ops.Input | ops.Output):
        port = next(p for p in ports(graph) if p.node == node.name)
        facts = {
            "outside": port.name, "outside_shape": list(port.shape),
            "scale": list(map(str, node.scale)), "offset": list(map(str, node.offset)),
        }  # fmt: skip
        return facts, {"order": port.permutation.reshape(port.inner if port.is_input else port.shape)}
    if isinstance(node, ops.Step):
        form = staircases(node, graph.types[node.inputs[0]])
        if isinstance(form, Counted):
            return {}, {"start": form.start, "cuts": form.cuts}
        plain = form.c - (form.base << form.k)
        return {}, {"m": form.m, "c": plain, "k": form.k, "lo": form.lo, "hi": form.hi}
    found = node.attributes()
    if isinstance(node, ops.Add):
        return {}, {f"coefficients{i}": c for i, c in enumerate(node.coefficients)}
    arrays = {name: value for name, value in found.items() if isinstance(value, np.ndarray)}
    return {name: value for name, value in found.items() if name not in arrays}, arrays


def run_arrays(file: Arrays, inputs: Mapping[str, IntArray]) -> dict[str, IntArray]:
    """Outputs ``(batch, *outside_shape)`` by their names outside.

    Args:
        file: what ``numpy.load`` makes of the file.
        inputs: integers ``(batch, *outside_shape)`` by their names outside.
    """
    values: dict[str, IntArray] = {}
    results = {}
    batch = len(next(iter(inputs.values())))
    for layer in json.loads(str(file["layers"])):
        own = {k.removeprefix(layer["name"] + "."): file[k] for k in file if k.startswith(layer["name"] + ".")}
        parts = {part: array.astype(np.int64) for part, array in own.items()}
        operands = [values[name] for name in layer["inputs"]]
        if layer["op"] == "input":
            operands = [inputs[layer["outside"]].astype(np.int64)]
        y = MEANING[layer["op"]](layer, parts, *operands)
        if layer["op"] == "output":
            results[layer["outside"]] = np.broadcast_to(y, (batch, *y.shape[1:]))
        values[layer["name"]] = y
    return results


def _reordered(layer: Layer, parts: Arrays, x: IntArray) -> IntArray:
    return np.asarray(x.reshape(len(x), -1)[:, parts["order"]])


def _linear(layer: Layer, parts: Arrays, x: IntArray, w: IntArray) -> IntArray:
    """``w`` is ``(1 or batch, out, *kernel, in / groups)``."""
    out, *kernel, fan_in = w.shape[1:]
    groups = layer["groups"]
    pixels = x.reshape(len(x), -1, 1, x.shape[-1])
    if kernel:
        index = window_positions(x.shape[1:-1], tuple(kernel), layer["strides"], layer["dilations"])
        pixels = pixels[:, index, 0]
    by_group = pixels.reshape(*pixels.shape[:3], groups, fan_in)
    taps = w.reshape(len(w), groups, out // groups, -1, fan_in)
    sums = np.einsum("bptgi,bgoti->bpgo", by_group, np.broadcast_to(taps, (len(x), *taps.shape[1:])))
    return np.asarray(sums.reshape(len(x), *layer["shape"]))


def _add(layer: Layer, parts: Arrays, *xs: IntArray) -> IntArray:
    terms = []
    for i, x in enumerate(xs):
        axes = len(layer["shape"]) + 1 - x.ndim
        terms.append(parts[f"coefficients{i}"] * x.reshape(len(x), *[1] * axes, *x.shape[1:]))
    return np.asarray(sum(terms[1:], terms[0]))


def _product(layer: Layer, parts: Arrays, x: IntArray, y: IntArray) -> IntArray:
    return np.asarray(x * y)


def _step(layer: Layer, parts: Arrays, x: IntArray) -> IntArray:
    if "cuts" in parts:
        return np.asarray(parts["start"] + (x[..., None] >= parts["cuts"]).sum(axis=-1))
    return np.asarray(np.clip((parts["m"] * x + parts["c"]) >> parts["k"], parts["lo"], parts["hi"]))


def _table(layer: Layer, parts: Arrays, x: IntArray) -> IntArray:
    row = np.arange(len(parts["values"]))
    return np.asarray(parts["values"][row, x - parts["lo"]])


def _maxpool(layer: Layer, parts: Arrays, x: IntArray) -> IntArray:
    index = window_positions(x.shape[1:-1], tuple(layer["kernel"]), layer["strides"], layer["dilations"])
    return np.asarray(x.reshape(len(x), -1, x.shape[-1])[:, index].max(axis=2).reshape(len(x), *layer["shape"]))


def _pad(layer: Layer, parts: Arrays, x: IntArray) -> IntArray:
    widths = [(0, 0), *zip(layer["before"], layer["after"], strict=True), (0, 0)]
    return np.pad(x, widths, constant_values=layer["value"])


def _concat(layer: Layer, parts: Arrays, *xs: IntArray) -> IntArray:
    batch = max(map(len, xs))
    whole = [np.broadcast_to(x, (batch, *x.shape[1:])) for x in xs]
    return np.concatenate(whole, axis=layer["axis"] + 1)


def _select(layer: Layer, parts: Arrays, x: IntArray) -> IntArray:
    return np.asarray(np.argsort(-x, axis=-1, kind="stable")[..., : layer["k"]])


MEANING: Mapping[str, Callable[..., IntArray]] = {
    "input": _reordered,
    "output": _reordered,
    "const": lambda layer, parts: parts["value"][np.newaxis],
    "linear": _linear,
    "add": _add,
    "product": _product,
    "step": _step,
    "table": _table,
    "maxpool": _maxpool,
    "pad": _pad,
    "concat": _concat,
    "reindex": lambda layer, parts, x: x.reshape(len(x), -1)[:, parts["index"]],
    "select": _select,
}
