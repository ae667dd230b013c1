"""What the loader of TFLite files delivers: a plain, immutable view of the source network.

Tensors and operators are named by their place in the file; names are the file's own (they may hold any character: pass
them through :func:`isobit.errors.printable` before showing them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isobit.errors import IsobitError, printable

Array = NDArray[np.generic]
IDENTIFIER = b"TFL3"
"""What every TFLite file has at its fifth byte."""
SHAPE_ONLY: Mapping[str, tuple[int, ...]] = {"RESHAPE": (0,), "SQUEEZE": (0,), "EXPAND_DIMS": (0,)}
"""Operators whose output's declared shape says what their other inputs would; which inputs are read."""
FIXED_BATCH = "convert with a fixed batch, so that no shape is computed: keras.Input(shape, batch_size=1)"
"""The hint for a file whose shapes are computed, as converters write it where the batch is not fixed."""
LIMITS: Mapping[str, tuple[int, int]] = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-(1 << 15), (1 << 15) - 1)}
"""The types that an activation may have, with their least and greatest integer."""


@dataclass(frozen=True)
class TfliteTensor:
    """A tensor: ``real = scale * (integer - zero_point)``, with one scale or one per element of ``axis``.

    ``axis`` is what the file says, which for biases is often no axis of theirs: who reads the scales compares.

    ``scale`` (float32 values) and ``zero_point`` are empty where the tensor is not quantised; ``dtype`` is a numpy type
    name, ``data`` the read-only constant in that type (int4 as int8), or None.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int
    data: Array | None


@dataclass(frozen=True)
class TfliteOperator:
    """One operator: ``op`` is the schema's name (``CONV_2D``), an absent optional input is -1.

    ``options`` holds the schema's fields in snake case, with the schema's defaults where the file leaves them out.
    """

    op: str
    index: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, int | float]

    def option(self, name: str) -> int:
        """An integer option of the operator."""
        return int(self.options.get(name, 0))

    @property
    def where(self) -> str:
        return f"{self.op} (operator {self.index})"

    def refusal(self, why: str, hint: str = "", code: str = "E202") -> IsobitError:
        """That this operator cannot be taken, and why."""
        return IsobitError(code, why, where=self.where, hint=hint)


@dataclass(frozen=True)
class TfliteModel:
    """A loaded network: the first subgraph's tensors, and its operators in the file's order, which is topological.

    ``operators`` holds only what the outputs depend on. ``sha256`` is of the file's bytes.
    """

    tensors: tuple[TfliteTensor, ...]
    operators: tuple[TfliteOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    path: Path
    sha256: str

    def place(self, index: int) -> str:
        """A tensor as a message names it."""
        return f"tensor {index} '{printable(self.tensors[index].name)}'"


def is_tflite(path: Path) -> bool:
    """Whether the file has TFLite's identifier, or its suffix where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(8)[4:] == IDENTIFIER or path.suffix == ".tflite"
    except OSError:
        return path.suffix == ".tflite"
