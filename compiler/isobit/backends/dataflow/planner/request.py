"""What is asked of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from isobit.backends.dataflow.design import FifoGoal
from isobit.backends.dataflow.layer import LayerChoice
from isobit.backends.dataflow.planner.blocks import MAX_SAMPLES
from isobit.backends.dataflow.planner.file import folding_of
from isobit.backends.dataflow.planner.plan import Plan
from isobit.backends.dataflow.rows import width_of, words_of
from isobit.errors import IsobitError
from isobit.ir import Graph

DEFAULT_SHARE = 0.6


@dataclass(frozen=True)
class PlanRequest:
    """What the user asks of the plan.

    ``share`` of the board may be used; ``interval`` is the most clocks per frame (None: as fast as the share allows);
    ``layers`` fixes single nodes. ``fifos`` is what the FIFOs are made for: full throughput or least memory; ``depths``
    fixes single ones, in words, by stream, if the folding is the one that ``depths_for`` names ("": whichever).
    ``samples`` of the input per clock must every layer keep up with (0: nothing of the kind is asked).
    """

    share: float = DEFAULT_SHARE
    interval: int | None = None
    layers: Mapping[str, LayerChoice] = field(default_factory=dict)
    fifos: FifoGoal = "throughput"
    depths: Mapping[str, int] = field(default_factory=dict)
    samples: int = 0
    depths_for: str = ""

    def depths_of(self, plan: Plan) -> Mapping[str, int]:
        """The depths that are fixed under ``plan``: none that were made for another folding."""
        return self.depths if self.depths_for in ("", folding_of(plan)) else {}


DEFAULT_REQUEST = PlanRequest()


def most_cycles(graph: Graph, request: PlanRequest) -> int | None:
    """The most clocks of a loop that keeps up with the samples that were asked for; None where none were."""
    if not request.samples:
        return None
    words = 0
    for node in graph.inputs:
        most = min(width_of(node.shape), MAX_SAMPLES)
        if request.samples > most:
            raise IsobitError(
                "E503", f"{request.samples} samples per clock of an input {width_of(node.shape)} wide", where=node.name,
                hint=f"at most {most}",
            )  # fmt: skip
        words = max(words, words_of(graph.types[node.name], request.samples))
    return words
