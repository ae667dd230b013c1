"""Files exported with a batch of N: shapes that stand in them as numbers hold N samples, the loader's tensors one.

A tensor of N samples is laid out sample after sample, so that the leading number of its new shape counts samples or
their rows: at a batch of one it is N times less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from onnx import TensorProto

from isobit.frontend.onnx.infer import Spec
from isobit.frontend.onnx.model import Array
from isobit.frontend.onnx.tensors import frozen

_TARGETS = {"Expand": 1, "Reshape": 1, "Resize": 3}
"""Where an operator takes the shape that it makes."""


def fixed_batch(shapes: Sequence[Sequence[int | None]]) -> int:
    """The batch N that all inputs of a file are fixed at, 1 where there is none."""
    batches = {shape[0] if len(shape) else None for shape in shapes}
    (batch,) = batches if len(batches) == 1 else (None,)
    return batch or 1


def of_one_sample(op: str, inputs: Sequence[str], specs: Mapping[str, Spec], batch: int) -> tuple[int, Array] | None:
    """Which input is a constant shape for ``batch`` samples, and that shape for one; None where there is no such input."""
    place = _TARGETS.get(op, len(inputs))
    if batch == 1 or place >= len(inputs) or not inputs[place]:
        return None
    data, target = specs[inputs[0]], specs[inputs[place]]
    shape = target.value
    if data.value is not None or shape is None or target.elem_type != TensorProto.INT64 or not shape.size:
        return None
    lead, rest = int(shape[0]), shape[1:]
    open_ = op != "Reshape" or bool((rest <= 0).any())
    whole = data.shape[:1] == (1,) if open_ else math.prod(data.shape) * batch == int(shape.prod(dtype=np.int64))
    if lead < 1 or lead % batch or not whole:
        return None
    return place, frozen(np.array([lead // batch, *rest], np.int64))
