"""What the loader of ONNX files delivers: a plain, immutable view of the source network.

Every tensor has a known shape with batch size 1, nodes are in topological order, and names are the file's own
(they may hold any character: pass them through :func:`isobit.errors.printable` before showing them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isobit.errors import IsobitError, printable

Array = NDArray[np.generic]

MAX_FILE_BYTES = 2**31
MAX_ELEMENTS = 2**28
QUANTISERS = frozenset({"Quant", "BipolarQuant", "FloatQuant", "Trunc", "MultiThreshold"})
LINEAR_QUANTISERS = frozenset({"QuantizeLinear", "DequantizeLinear"})
QONNX_OPERATORS = QUANTISERS | {"QuantAvgPool2d"}
OWN_DOMAIN = "isobit.custom_op"
OWN_OPERATORS = frozenset({"TaperedDecode", "TaperedQuant"})
"""The operators of our own domain, see :mod:`isobit.custom_op`."""


@dataclass(frozen=True)
class TensorInfo:
    """A graph input or output.

    ``name`` is the tensor as the nodes name it; ``label`` is the name the file shows to its user, which differs
    where the output of a vanished Identity is a graph output. ``dtype`` is a numpy type name.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    label: str


@dataclass(frozen=True)
class SourceNode:
    """One operator. ``domain`` is ``""`` (standard ONNX), ``"qonnx"`` or our own; an absent optional input is ``""``.

    ``attrs`` holds ints, floats, strings, tuples of these, and read-only arrays. ``opset`` is the version the file
    declares for the node's domain.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, object]
    opset: int
    domain: str

    def number(self, name: str, default: float) -> np.float32:
        """The attribute ``name`` as a float32, which is what ONNX stores.

        Raises:
            IsobitError: E202 when it is no number.
        """
        value = self.attrs.get(name, default)
        if not isinstance(value, int | float):
            raise IsobitError("E202", f"the attribute {name} is no number", where=printable(self.name or self.op))
        return np.float32(value)


@dataclass(frozen=True)
class SourceModel:
    """A loaded network: see the fields of :class:`SourceNode` and :class:`TensorInfo`.

    ``nodes`` holds only what the outputs depend on, in topological order. ``constants`` are read-only arrays of the
    source's own element type, ``shapes`` covers every tensor (batch size 1), ``annotations`` maps a tensor to the
    QONNX datatype name the file declares for it. ``sha256`` is of the file's bytes.
    """

    nodes: tuple[SourceNode, ...]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    constants: Mapping[str, Array]
    shapes: Mapping[str, tuple[int, ...]]
    annotations: Mapping[str, str]
    path: Path
    sha256: str
