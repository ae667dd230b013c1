"""FINN's folding from the dataflow back end's plan: PE and SIMD of every layer, by the names that FINN will give them.

FINN sorts its nodes by how far they are from the input and numbers those of each kind. Matrix and threshold layers are
asked for in HLS: then their names are known before FINN has chosen, and FINN's own C++ simulation has them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import gcd, prod
from typing import Any

from isobit.backends.dataflow.planner import Plan
from isobit.backends.finn.graph import Made
from isobit.ir import Graph, ops

HLS = ("MVAU", "VVAU", "Thresholding")
"""Kinds that FINN builds in RTL or HLS as is asked."""


@dataclass(frozen=True)
class FinnLayer:
    """One of FINN's nodes: its name after specialisation, the graph's node, what the folding file says of it.

    ``sizes`` are the dimensions that FINN must find there; ``cycles`` what it takes for a frame at this folding.
    """

    name: str
    node: str
    factors: Mapping[str, int]
    sizes: Mapping[str, int]
    cycles: int


def finn_layers(graph: Graph, plan: Plan, made_of: Sequence[Made]) -> tuple[FinnLayer, ...]:
    """Every layer that has factors, in FINN's order; ``made_of`` as :func:`finn_model` returns it."""
    parts = [
        (made.level + behind, made.earlier, made.name, part)
        for made in made_of if made.kind in _LAYERS
        for behind, part in enumerate(_LAYERS[made.kind](graph, plan, made.name))
    ]  # fmt: skip
    counts: Counter[str] = Counter()
    found = []
    for _, _, name, (kind, factors, sizes, cycles) in sorted(parts, key=lambda part: part[:2]):
        found.append(FinnLayer(f"{kind}_{counts[kind]}", name, factors, sizes, cycles))
        counts[kind] += 1
    return tuple(found)


def folding_file(layers: Sequence[FinnLayer]) -> dict[str, Any]:
    """What FINN's ``folding_config_file`` holds."""
    return {"Defaults": {}} | {layer.name: dict(layer.factors) for layer in layers if layer.factors}


def specialisation_file(layers: Sequence[FinnLayer]) -> dict[str, Any]:
    """What FINN's ``specialize_layers_config_file`` holds."""
    found: dict[str, Any] = {"Defaults": {}}
    for layer in layers:
        kind, style, number = layer.name.rsplit("_", 2)
        if kind in HLS:
            found[f"{kind}_{number}"] = {"preferred_impl_style": style}
    return found


_Parts = list[tuple[str, dict[str, int], dict[str, int], int]]


def _lanes(plan: Plan, name: str) -> tuple[int, int]:
    """PE and SIMD that the plan has for a node, 1 where it has none."""
    layer = plan.layers.get(name)
    return (layer.pe, layer.simd) if layer else (1, 1)


def _matmul(graph: Graph, plan: Plan, name: str) -> _Parts:
    node = graph.by_name[name]
    assert isinstance(node, ops.Linear)
    value, weights = graph.types[name], graph.types[node.inputs[1]].shape
    positions, (pe, simd) = value.size // value.channels, _lanes(plan, name)
    taps = prod(weights[1:-1])
    if depthwise(graph, node):
        pe, simd = gcd(pe, value.channels), 1
        cycles = positions * (value.channels // pe) * taps
        return [("VVAU_hls", {"PE": pe, "SIMD": simd}, {"Channels": value.channels}, cycles)]
    height, width = value.channels, taps * weights[-1] * node.groups
    pe, simd = gcd(pe, height), gcd(simd, width)
    cycles = positions * (height // pe) * (width // simd)
    return [("MVAU_hls", {"PE": pe, "SIMD": simd}, {"MH": height, "MW": width}, cycles)]


def depthwise(graph: Graph, node: ops.Linear) -> bool:
    """Does FINN have a layer of its own for it?"""
    weights = graph.types[node.inputs[1]].shape
    channels = weights[-1] * node.groups
    return node.groups == channels == weights[0] > 1 and prod(weights[1:-1]) > 1


def _windows(graph: Graph, plan: Plan, name: str) -> _Parts:
    node = graph.by_name[name]
    assert isinstance(node, ops.Linear)
    value, weights = graph.types[name], graph.types[node.inputs[1]].shape
    channels, (pe, simd) = weights[-1] * node.groups, _lanes(plan, name)
    lanes = gcd(pe if depthwise(graph, node) else simd, channels)
    cycles = value.size // value.channels * prod(weights[1:-1]) * (channels // lanes)
    parts: _Parts = []
    if isinstance(graph.by_name[node.inputs[0]], ops.Pad):
        padded = graph.types[node.inputs[0]]
        parts.append(("FMPadding_rtl", {"SIMD": lanes}, {"NumChannels": channels}, padded.size // lanes))
    return [*parts, ("ConvolutionInputGenerator_rtl", {"SIMD": lanes}, {}, cycles)]


def _thresholds(graph: Graph, plan: Plan, name: str) -> _Parts:
    value, (pe, _) = graph.types[name], _lanes(plan, name)
    pe = gcd(pe, value.channels)
    return [("Thresholding_hls", {"PE": pe}, {"NumChannels": value.channels}, value.size // pe)]


def _pool(graph: Graph, plan: Plan, name: str) -> _Parts:
    node, value, (pe, _) = graph.by_name[name], graph.types[name], _lanes(plan, name)
    assert isinstance(node, ops.MaxPool)
    pe = gcd(pe, value.channels)
    cycles = value.size // pe * prod(node.kernel)
    return [
        ("ConvolutionInputGenerator_rtl", {"SIMD": pe}, {}, cycles),
        ("Pool_hls", {"PE": pe}, {"Channels": value.channels}, cycles),
    ]


def _upsample(graph: Graph, plan: Plan, name: str) -> _Parts:
    value, (pe, _) = graph.types[name], _lanes(plan, name)
    simd = gcd(pe, value.channels)
    sizes = {"NumChannels": value.channels}
    return [("UpsampleNearestNeighbour_hls", {"SIMD": simd}, sizes, value.size // simd)]


def _elementwise(kind: str, graph: Graph, plan: Plan, name: str) -> _Parts:
    value, (pe, _) = graph.types[name], _lanes(plan, name)
    pe = gcd(pe, value.channels)
    return [(kind, {"PE": pe}, {}, value.size // pe)]


_LAYERS: Mapping[str, Callable[[Graph, Plan, str], _Parts]] = {
    "Im2Col": _windows,
    "MatMul": _matmul,
    "MultiThreshold": _thresholds,
    "MaxPoolNHWC": _pool,
    "Upsample": _upsample,
    "Fork": lambda graph, plan, name: _elementwise("DuplicateStreams_hls", graph, plan, name),
    "Add": lambda graph, plan, name: _elementwise("ElementwiseAdd_hls", graph, plan, name),
    "Mul": lambda graph, plan, name: _elementwise("ElementwiseMul_hls", graph, plan, name),
}
