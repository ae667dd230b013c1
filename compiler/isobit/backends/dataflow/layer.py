"""How one node is built: what a user fixes of it, the ways a step could be, and what the planner chose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from isobit.hardware import Cost, Memory
from isobit.numerics.bipolar import Bipolar
from isobit.numerics.formats import Tapered
from isobit.numerics.packing import Packing

WeightStorage = Literal["integers", "tapered", "bipolar"]
Multiplier = Literal["single", "packed", "adders"]
"""A product a multiplier, two that share an operand (:mod:`isobit.numerics.packing`), or none: additions alone, where
weights are constants of the logic (:mod:`isobit.numerics.adders`)."""


@dataclass(frozen=True)
class Candidate:
    """One way to build a step, store weights or multiply: its cost with the lanes it would get, or why it cannot be."""

    implementation: str
    cost: Cost
    possible: bool
    reason: str


@dataclass(frozen=True)
class LayerChoice:
    """What a user fixes of one layer; 0, "" and ``auto`` leave the choice to the planner."""

    pe: int = 0
    simd: int = 0
    implementation: str = ""
    memory: Memory = "auto"
    line_buffer: Memory = "auto"
    samples: int = 0
    weights: WeightStorage | Literal[""] = ""
    multiplier: Multiplier | Literal[""] = ""


AS_PLANNED = LayerChoice()
"""Nothing is fixed."""


@dataclass(frozen=True)
class LayerPlan:
    """How one node is built.

    ``pe`` output elements (dense: neurons) and ``simd`` input elements of each of ``samples`` positions per clock;
    ``cycles`` clocks per frame, ``clocks`` with the windows' fill.
    ``memory`` is where its weights lie and ``line_buffer`` where its window's pixels do ("" where it has none).
    ``candidates`` are the ways a step could be built or weights be stored, the chosen first (none where there is no
    choice); ``code`` is how weights are stored that are no integers there. ``multipliers`` are likewise the ways to
    multiply, and ``packing`` says how two products share a multiplier, where they do.
    """

    pe: int
    simd: int
    cycles: int
    cost: Cost
    implementation: str
    candidates: tuple[Candidate, ...] = ()
    memory: Memory | Literal[""] = ""
    line_buffer: Memory | Literal[""] = ""
    samples: int = 1
    clocks: int = 0
    code: Tapered | Bipolar | None = None
    multipliers: tuple[Candidate, ...] = ()
    packing: Packing | None = None

    @property
    def lanes(self) -> tuple[int, int]:
        """Elements of a word in and of a word out, where no window is in front."""
        return self.simd * self.samples, self.pe * self.samples

    @property
    def multiplier(self) -> Multiplier | Literal[""]:
        """How it multiplies, where there is a choice."""
        return cast(Multiplier, self.multipliers[0].implementation) if self.multipliers else ""

    @property
    def parallel(self) -> bool:
        """Do its windows come whole, several at a time?"""
        return self.implementation.startswith("parallel_")
