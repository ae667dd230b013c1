"""What is known of the hardware templates: one record each, and nothing of the kind anywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isobit.backends.dataflow.catalogue.entries import CATALOGUE
from isobit.backends.dataflow.catalogue.template import ArrayOf, StreamOf, Template
from isobit.backends.dataflow.schedule import Constants, Schedule
from isobit.hardware import Cost

if TYPE_CHECKING:
    from isobit.backends.dataflow.design import Process

__all__ = ["CATALOGUE", "ArrayOf", "StreamOf", "Template", "cost_of", "numbers", "schedule_of"]


def numbers(process: Process) -> Constants:
    """The constants of ``process`` that are numbers."""
    return {k: int(v) for k, v in process.constants if not isinstance(v, str)}


def schedule_of(process: Process) -> Schedule:
    """The schedule of ``process``; ports in the order of its arguments, AXI ports included."""
    return CATALOGUE[process.template].timed(numbers(process))


def cost_of(template: str, *arguments: Any, **options: Any) -> Cost:
    """What an instance of ``template`` takes, by the formula of its record."""
    formula = CATALOGUE[template].cost
    return Cost() if formula is None else formula(*arguments, **options)
