"""What is known of the hardware templates: one record each, and nothing of the kind anywhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from isobit.backends.dataflow.catalogue.entries import CATALOGUE
from isobit.backends.dataflow.catalogue.template import ArrayOf, StreamOf, Template
from isobit.backends.dataflow.latencies import LATENCY
from isobit.backends.dataflow.schedule import Constants, Schedule

if TYPE_CHECKING:
    from isobit.backends.dataflow.design import Process

__all__ = ["CATALOGUE", "ArrayOf", "StreamOf", "Template", "numbers", "schedule_of"]


def numbers(process: Process) -> Constants:
    """The constants of ``process`` that are numbers."""
    return {k: int(v) for k, v in process.constants if not isinstance(v, str)}


def schedule_of(process: Process) -> Schedule:
    """The schedule of ``process``; ports in the order of its arguments, AXI ports included."""
    constants = numbers(process)
    return replace(CATALOGUE[process.template].schedule(constants), latency=LATENCY[process.template](constants))
