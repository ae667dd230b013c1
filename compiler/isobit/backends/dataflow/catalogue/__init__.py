"""What is known of the hardware templates: one record each, and nothing of the kind anywhere else."""

from __future__ import annotations

from typing import Any

from isobit.backends.dataflow.catalogue.entries import CATALOGUE, IMPLEMENTATIONS
from isobit.backends.dataflow.catalogue.template import ArrayOf, RtlUnit, StreamOf, Template
from isobit.backends.dataflow.design import Design, Process
from isobit.backends.dataflow.schedule import Constants, Schedule
from isobit.hardware import Cost

__all__ = [
    "CATALOGUE", "IMPLEMENTATIONS", "ArrayOf", "RtlUnit", "StreamOf", "Template", "cost_of", "header_names", "numbers",
    "schedule_of",
]  # fmt: skip


def numbers(process: Process) -> Constants:
    """The constants of ``process`` that are numbers."""
    return {k: int(v) for k, v in process.constants if not isinstance(v, str)}


def schedule_of(process: Process) -> Schedule:
    """The schedule of ``process``; ports in the order of its arguments, AXI ports included."""
    return CATALOGUE[process.template].timed(numbers(process))


def header_names(design: Design) -> list[str]:
    """The template headers that the top function includes, without what they include themselves."""
    return sorted({CATALOGUE[p.template].header for p in design.processes})


def cost_of(implementation: str, *arguments: Any, **options: Any) -> Cost:
    """What an instance of a template takes, by the formula of its record."""
    formula = IMPLEMENTATIONS[implementation].cost
    return Cost() if formula is None else formula(*arguments, **options)
