"""The batch axis of a file: the loader's tensors hold one sample, whatever the file says.

Exported with a batch of N, shapes that stand in a file as numbers hold N samples. A tensor of N samples is laid out
sample after sample, so that the leading number of its new shape counts samples or their rows: at a batch of one it is
N times less. And what takes the first of N samples, or of any number, would look like a tensor handed on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import onnx

from isobit.errors import IsobitError
from isobit.frontend.onnx.infer import Spec
from isobit.frontend.onnx.model import Array
from isobit.frontend.onnx.tensors import frozen

_TARGETS = {"Expand": 1, "Reshape": 1, "Resize": 3}
"""Where an operator takes the shape that it makes."""
_LIMITS, _ALL = ("starts", "ends", "axes"), (1 << 31) - 1
"""Attributes of Slice before opset 10; an end that is behind every batch."""


def fixed_batch(inputs: Iterable[onnx.ValueInfoProto]) -> int:
    """The batch N that all inputs of a file are fixed at, 0 where there is none."""
    batches = {dim.dim_value for info in inputs for dim in info.type.tensor_type.shape.dim[:1]}
    return max(batches) if len(batches) == 1 else 0


def of_one_sample(node: onnx.NodeProto, specs: Mapping[str, Spec], batch: int) -> Iterator[tuple[int, Array]]:
    """Which input is a constant shape for ``batch`` samples, and that shape for one; nothing where there is none."""
    place = _TARGETS.get(node.op_type, len(node.input))
    if batch < 2 or place >= len(node.input) or not node.input[place]:
        return
    data, target = specs[node.input[0]], specs[node.input[place]].value
    if data.value is not None or target is None or target.dtype != np.int64 or not target.size:
        return
    shape: list[int] = target.tolist()
    counted = node.op_type == "Reshape" and min(shape) > 0
    whole = math.prod(data.shape) * batch == math.prod(shape) if counted else data.shape[:1] == (1,)
    if whole and shape[0] > 0 and not shape[0] % batch:
        yield place, frozen(np.array([shape[0] // batch, *shape[1:]], np.int64))


def refuse_cut(op: str, attrs: Mapping[str, object], inputs: Sequence[Spec | None], batch: int, where: str) -> None:
    """Refuse a Slice or Gather that leaves samples of the batch out.

    Raises:
        IsobitError: E202.
    """
    if op not in ("Slice", "Gather") or batch == 1 or inputs[0] is None or inputs[0].value is not None:
        return
    if op == "Gather":
        cut = attrs.get("axis", 0) in (0, -len(inputs[0].shape))
    else:
        given = [attrs.get(name) for name in _LIMITS] if "starts" in attrs else [s and s.value for s in inputs[1:]]
        starts, ends, axes = (np.reshape(v, -1) if v is not None else None for v in (*given, None, None, None)[:3])
        if starts is None or ends is None:
            return
        named = np.arange(len(starts)) if axes is None else axes % len(inputs[0].shape)
        ranges = zip(starts, ends, named, strict=True)
        cut = any(axis == 0 and not (start == 0 and end >= (batch or _ALL)) for start, end, axis in ranges)
    if cut:
        raise IsobitError("E202", f"{op} leaves samples of the batch out", where=where, hint="take them on the host")
