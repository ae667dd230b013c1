"""What ``isobit compile`` asks of a back end's plan, from the options of the command line."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from isobit.errors import IsobitError, printable

DATAFLOW_OPTIONS = frozenset({"--plan", "--target-fps", "--target-ii", "--samples-per-clock", "--max-util", "--fifos"})
"""They make a request of the dataflow back end; another one has a request of its own."""


def plan_request(
    backend: str, given: Collection[str], board: str, *, plan: Path | None, fps: float | None, clocks: int | None,
    samples: int, share: float, fifos: str,
) -> Any:  # fmt: skip
    """The request of ``backend`` that the options make; ``given`` are those that stand on the command line.

    Raises:
        IsobitError: E508 for an unknown back end, or for options of the dataflow back end with another one;
            E503 for a FIFO goal that there is not, and what a plan file may have wrong.
    """
    from isobit.backends.registry import DEFAULT, find_backend

    maker = find_backend(backend)
    if backend != DEFAULT:
        foreign = sorted(DATAFLOW_OPTIONS & set(given))
        if foreign:
            text = f"{', '.join(foreign)}: {printable(backend)} has no such option"
            raise IsobitError("E508", text, hint=f"leave it out, or --backend {DEFAULT}")
        return maker.request()
    from isobit.backends.dataflow.planner import PlanFile, PlanRequest, read_plan

    fixed = read_plan(plan) if plan else PlanFile({}, {})
    target = interval(board, clocks, fps)
    return PlanRequest(share, target, fixed.layers, _fifo_goal(fifos), fixed.depths, samples)


def interval(board: str, clocks: int | None, fps: float | None) -> int | None:
    """The stricter of two targets, in clocks per frame."""
    from isobit.hardware import load_board

    asked = [clocks] if clocks else []
    if fps:
        asked.append(max(int(load_board(board).clock_mhz * 1e6 / fps), 1))
    return min(asked, default=None)


def _fifo_goal(name: str) -> Any:
    if name not in ("throughput", "least"):
        raise IsobitError("E503", f"no FIFO goal {printable(name)!r}", hint="--fifos throughput or least")
    return name
