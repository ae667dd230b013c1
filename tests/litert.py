"""LiteRT's reference kernels, which define what a TFLite file computes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray


def run_reference(path: Path, inputs: Mapping[int, NDArray[Any]]) -> dict[int, NDArray[Any]]:
    """Every named tensor of the file by index, for samples run one by one and stacked.

    A tensor is ``(N, *shape[1:])``, or ``(N, *shape)`` where its first axis is not a batch of 1.

    Args:
        inputs: by tensor index an array ``(N, *shape[1:])`` in the tensor's own type.
    """
    interpreter = Interpreter(
        model_path=str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
        num_threads=1,
    )
    interpreter.allocate_tensors()
    details = [d for d in interpreter.get_tensor_details() if d["name"] or d["index"] in inputs]
    count = len(next(iter(inputs.values())))
    runs = [_run(interpreter, details, {i: x[n : n + 1] for i, x in inputs.items()}) for n in range(count)]
    return {index: _batched(np.stack([run[index] for run in runs])) for index in runs[0]}


def _batched(x: NDArray[Any]) -> NDArray[Any]:
    return x[:, 0] if x.ndim > 1 and x.shape[1] == 1 else x


def _run(interpreter: Any, details: list[Any], inputs: Mapping[int, NDArray[Any]]) -> dict[int, NDArray[Any]]:
    for index, x in inputs.items():
        interpreter.set_tensor(index, np.ascontiguousarray(x))
    interpreter.invoke()
    found = {}
    for detail in details:
        try:
            found[detail["index"]] = interpreter.get_tensor(detail["index"])
        except ValueError:  # a tensor that no operator made
            continue
    return found
