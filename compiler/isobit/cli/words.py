"""The words of a command line before they are parsed."""

from __future__ import annotations

import re

_NAMED_SHAPE = re.compile(r"\w+=\d+([,x]\d+)*")


def shapes_joined(args: list[str]) -> list[str]:
    """``--input-shape a=3,8 b=4`` with its shapes as one word: an option takes one, and inputs may be several."""
    made: list[str] = []
    shapes = False
    for word in args:
        named = _NAMED_SHAPE.fullmatch(word.removeprefix("--input-shape=")) is not None
        if shapes and named and not word.startswith("-") and made[-1] != "--input-shape":
            made[-1] += f" {word}"
            continue
        shapes = word == "--input-shape" or (shapes and named) or (word.startswith("--input-shape=") and named)
        made.append(word)
    return made
