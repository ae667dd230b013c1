"""How one node is built: what a user fixes of it, the ways a step could be, and what the planner chose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isobit.hardware import Cost, Memory
from isobit.numerics.formats import Tapered

WeightStorage = Literal["integers", "tapered"]


@dataclass(frozen=True)
class Candidate:
    """One way to build a step, or to store weights: its cost with the lanes it would get, or why it cannot be."""

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


@dataclass(frozen=True)
class LayerPlan:
    """How one node is built.

    ``pe`` output elements (dense: neurons) and ``simd`` input elements of each of ``samples`` positions per clock;
    ``cycles`` clocks per frame, ``clocks`` with the windows' fill.
    ``memory`` is where its weights lie and ``line_buffer`` where its window's pixels do ("" where it has none).
    ``candidates`` are the ways a step could be built or weights be stored, the chosen first (none where there is no
    choice); ``code`` is the format of weights that are stored as codes.
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
    code: Tapered | None = None

    @property
    def lanes(self) -> tuple[int, int]:
        """Elements of a word in and of a word out, where no window is in front."""
        return self.simd * self.samples, self.pe * self.samples

    @property
    def parallel(self) -> bool:
        """Do its windows come whole, several at a time?"""
        return self.implementation.startswith("parallel_")
