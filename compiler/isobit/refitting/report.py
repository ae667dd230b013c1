"""What a refit did: the scales that it moved, and what that did to the weights."""

from __future__ import annotations

from dataclasses import dataclass

from isobit.refitting.weights import LayerMove


@dataclass(frozen=True)
class ScaleMove:
    """A scale that moved; the integers stay where ``ratio`` is 1, else their step is ``ratio`` times as wide."""

    name: str
    before: float
    after: float
    ratio: float


@dataclass(frozen=True)
class RefitReport:
    """What a refit to ``bits`` bits did, and what it ``left`` as it was."""

    bits: int
    layers: tuple[LayerMove, ...]
    scales: tuple[ScaleMove, ...]
    left: tuple[str, ...]
