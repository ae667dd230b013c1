"""What a user's array means: real values or the input's integers, always in the layout of the source model.

One rule for every command and the driver. Nothing is reshaped or transposed.

* Floats are real values.
* Integers are the input's own integers where the source's input is a tensor of integers or was declared to be one.
* Integers for an input of floats may mean either: they are refused, unless both readings are the same or the caller
  says which (``real`` or ``integers``).
* ``graph``: integers as the graph's input holds them, channels last, only where the caller says so.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from isobit.errors import IsobitError, did_you_mean, printable
from isobit.interp.host import quantise, stored
from isobit.ir.ops import Input
from isobit.ir.types import IntArray

SampleForm = Literal["real", "integers", "graph"]
_EITHER = "real values: float32, or --samples real (samples='real'); the input's integers: --samples integers"


def sample_form(name: str | None) -> SampleForm | None:
    """A user's word for what his samples are.

    Raises:
        IsobitError: E607 for another word.
    """
    for form in get_args(SampleForm):
        if name == form:
            return form  # type: ignore[no-any-return]
    if name is None:
        return None
    raise IsobitError("E607", f"no samples are {printable(name)!r}", hint=did_you_mean(name, get_args(SampleForm)))


def read_samples(node: Input, array: NDArray[np.generic], form: SampleForm | None = None) -> NDArray[np.generic]:
    """Real values as float32 ``(batch, *outside_shape)``, or integers as int64 ``(batch, *node.shape)``.

    Args:
        node: the input they are for.
        array: the user's, batch first.
        form: what it holds; by the rule above without it.

    Raises:
        IsobitError: E607 when its type or shape does not fit, or when it may mean two things.
    """
    if not array.size or not array.ndim:
        raise IsobitError("E607", f"{printable(node.outside)!r} was given no samples: an array of shape {array.shape}")
    whole = np.issubdtype(array.dtype, np.integer)
    if not np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.complexfloating):
        raise IsobitError("E607", f"vectors of type {array.dtype}", hint="float32 samples or the input's integers")
    if not whole and form in ("integers", "graph"):
        raise IsobitError("E607", f"{printable(node.outside)!r} was given {array.dtype}, not integers")
    if form == "real" or not whole:
        return array.astype(np.float32)
    if form == "graph":
        return _as_held(node, array)
    integers = stored(node, array)
    if form is None and node.quantiser is not None and not node.dtype and not _same(node, array, integers):
        found = (
            f"integers for {printable(node.outside)!r}, which takes floats: real values or the quantiser's integers?"
        )
        raise IsobitError("E607", found, hint=_EITHER)
    return integers


def as_integers(node: Input, samples: NDArray[np.generic]) -> IntArray:
    """What :func:`read_samples` made, as the graph's integers; real values are quantised as the source does."""
    return quantise(node, samples) if samples.dtype == np.float32 else samples.astype(np.int64)


def _same(node: Input, array: NDArray[np.generic], integers: IntArray) -> bool:
    """Is it all one whether these are real values or integers?"""
    return bool(np.array_equal(quantise(node, array.astype(np.float32)), integers))


def _as_held(node: Input, array: NDArray[np.generic]) -> IntArray:
    if array.shape[1:] != node.shape:
        raise IsobitError("E607", f"the graph's {node.name} has shape {node.shape}, not {array.shape[1:]}")
    if int(array.max()) >= 1 << 63:
        raise IsobitError("E607", f"the integer {array.max()} is outside the input's interval")
    return array.astype(np.int64)
