"""How far ONNX Runtime may optimise a source before it runs it."""

from __future__ import annotations

from typing import Literal, get_args

from isobit.errors import IsobitError, did_you_mean, printable

OrtLevel = Literal["disabled", "basic", "extended", "all"]
ORT_LEVELS: tuple[OrtLevel, ...] = get_args(OrtLevel)
DEPLOYED: OrtLevel = "all"
"""What ONNX Runtime does where nobody asks for another level."""


def ort_level_of(name: str) -> OrtLevel:
    """A level by its name.

    Raises:
        IsobitError: E613 when there is none of that name.
    """
    for level in ORT_LEVELS:
        if level == name:
            return level
    raise IsobitError("E613", f"ONNX Runtime has no level {printable(name)!r}", hint=did_you_mean(name, ORT_LEVELS))
