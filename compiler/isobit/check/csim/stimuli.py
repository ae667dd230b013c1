"""Input vectors for simulation: the corners first, then random ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from isobit.interp.host import apply_host_op, real_input
from isobit.ir import Graph
from isobit.ir.ops import HostOp, Input
from isobit.ir.types import IntArray, ValueType


def vectors_for(graph: Graph, count: int, seed: int) -> dict[str, IntArray]:
    """:func:`edge_and_random` samples for every input of a graph, by name."""
    rng = np.random.default_rng(seed)
    if count * max(graph.types[node.name].size for node in graph.inputs) >= 1 << 56:  # numpy has no arrays so large
        raise MemoryError(f"{count:,} vectors")
    return {node.name: edge_and_random(node, count, rng) for node in graph.inputs}


def edge_and_random(node: Input, count: int, rng: np.random.Generator) -> IntArray:
    """``count`` input samples ``(count, *node.shape)``: corner cases, then random ones.

    The corners are all low, all high, zero, alternating, and half and half. Random samples alternate between uniform
    values and values from the two ends only, which reach large accumulators.
    """
    kind = ValueType.of(node.shape, node.lo, node.hi)
    lo, hi = (np.broadcast_to(b, node.shape).astype(np.int64) for b in (kind.lo, kind.hi))
    flat = np.arange(kind.size).reshape(node.shape)
    corners = [
        lo, hi, np.clip(0, lo, hi), np.where(flat % 2 == 0, lo, hi), np.where(flat % 2 == 0, hi, lo),
        np.where(flat < kind.size // 2, lo, hi), np.where(flat < kind.size // 2, hi, lo),
    ]  # fmt: skip
    if node.quantiser is not None and node.quantiser.rounding == "SIGN":
        corners.pop(2)
    rest = max(count - len(corners), 0)
    return np.concatenate([np.stack(corners)[:count], _random(node, lo, hi, rest, rng)])


def _random(node: Input, lo: IntArray, hi: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    uniform = rng.integers(lo, hi + 1, size=(count, *node.shape), dtype=np.int64)
    ends = np.where(rng.random((count, *node.shape)) < 0.5, lo, hi)
    only_ends = (np.arange(count) % 4 == 3).reshape(-1, *([1] * len(node.shape)))
    if node.quantiser is not None and node.quantiser.rounding == "SIGN":
        return ends
    return np.where(only_ends, ends, uniform)


def float_samples(
    node: Input, integers: IntArray, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """Float32 samples ``(batch, *source shape)`` that the first quantiser takes to about ``integers``.

    They lie anywhere in the quantiser's cell, not at its centre; without a quantiser they are ``integers`` exactly.
    """
    if node.quantiser is None:
        return real_input(node, integers)
    scale, offset = (np.array([float(v) for v in values]) for values in (node.scale, node.offset))
    jitter = rng.uniform(-0.45, 0.45, size=integers.shape)
    x = ((integers + jitter) * scale + offset).astype(np.float32)
    for op in reversed(node.host):
        x = _undone(op, x, node)
    return np.asarray(x.reshape(len(x), *node.outside_shape))


def _undone(
    op: HostOp, x: np.ndarray[tuple[int, ...], np.dtype[np.generic]], node: Input
) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    inverse = {"add": "sub", "sub": "add", "mul": "div", "div": "mul"}.get(op.kind)
    if inverse:
        return apply_host_op(replace(op, kind=inverse), x)
    if op.kind == "transpose":
        return x.transpose(0, *(int(a) + 1 for a in np.argsort(op.shape)))
    return x
