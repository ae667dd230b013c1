"""Files exported with a batch of N: shapes that stand in them as numbers hold N samples, the loader's tensors one.

A tensor of N samples is laid out sample after sample, so that the leading number of its new shape counts samples or
their rows: at a batch of one it is N times less.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import onnx

from isobit.frontend.onnx.infer import Spec
from isobit.frontend.onnx.model import Array
from isobit.frontend.onnx.tensors import frozen

_TARGETS = {"Expand": 1, "Reshape": 1, "Resize": 3}
"""Where an operator takes the shape that it makes."""


def fixed_batch(inputs: Iterable[onnx.ValueInfoProto]) -> int:
    """The batch N that all inputs of a file are fixed at, 1 where there is none."""
    batches = {dim.dim_value for info in inputs for dim in info.type.tensor_type.shape.dim[:1]}
    return max(batches) if len(batches) == 1 and min(batches) > 0 else 1


def of_one_sample(node: onnx.NodeProto, specs: Mapping[str, Spec], batch: int) -> Iterator[tuple[int, Array]]:
    """Which input is a constant shape for ``batch`` samples, and that shape for one; nothing where there is none."""
    place = _TARGETS.get(node.op_type, len(node.input))
    if batch == 1 or place >= len(node.input) or not node.input[place]:
        return
    data, target = specs[node.input[0]], specs[node.input[place]].value
    if data.value is not None or target is None or target.dtype != np.int64 or not target.size:
        return
    shape: list[int] = target.tolist()
    counted = node.op_type == "Reshape" and min(shape) > 0
    whole = math.prod(data.shape) * batch == math.prod(shape) if counted else data.shape[:1] == (1,)
    if whole and shape[0] > 0 and not shape[0] % batch:
        yield place, frozen(np.array([shape[0] // batch, *shape[1:]], np.int64))
