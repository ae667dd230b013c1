"""Streams and who reads them: each one has a reader, and no more than hls4ml can clone it for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from isobit.backends.hls4ml.design import Layer
from isobit.backends.hls4ml.moves import reorder_body, sum_body
from isobit.errors import IsobitError

MOST_READERS = 7
"""Streams that hls4ml's Clone makes of one, at most."""


def refuse_unread(layers: Sequence[Layer], outputs: Sequence[str]) -> None:
    """E504 for a stream that nothing reads."""
    read = {name for layer in layers for name in layer.inputs} | set(outputs)
    for layer in layers:
        if layer.name not in read:
            raise IsobitError("E504", "a stream that nothing reads", where=layer.node, hint='io_type="io_parallel"')


def relayed(layers: Sequence[Layer], outputs: Sequence[str]) -> list[Layer]:
    """The layers, and copies of streams that more layers read than hls4ml can clone one for: the last read those."""
    found, waiting = list[Layer](), list(layers)
    while waiting:
        layer = waiting.pop(0)
        found.append(layer)
        reads = [(i, k) for i, other in enumerate(waiting) for k, name in enumerate(other.inputs) if name == layer.name]
        own = MOST_READERS - outputs.count(layer.name)
        if len(reads) > own:
            copy = copy_of(layer, f"{layer.name}_copy")
            for i, k in reads[own - 1 :]:
                inputs = waiting[i].inputs
                waiting[i] = replace(waiting[i], inputs=(*inputs[:k], copy.name, *inputs[k + 1 :]))
            waiting.insert(0, copy)
    return found


def copy_of(layer: Layer, name: str) -> Layer:
    """A layer with the integers of another one. What is flattened in place streams in packs of the map that it was."""
    size = prod(layer.shape)
    if layer.kind == "Reshape":
        kind, body = "IsobitReorder", reorder_body(np.arange(size), size)
    else:
        one, nothing = np.ones(1, dtype=object), np.zeros(1, dtype=object)
        kind, body = "IsobitSum", sum_body((one,), nothing, (layer.out.interval,), size, layer.out)
    return Layer(name, kind, "", (layer.name,), layer.shape, layer.out, body=body)
