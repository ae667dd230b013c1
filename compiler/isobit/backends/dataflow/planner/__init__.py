"""The plan: folding and the implementation of each step, for a board."""

from isobit.backends.dataflow.layer import Candidate, LayerChoice, LayerPlan
from isobit.backends.dataflow.planner.file import PlanFile, PlannedFifo, folding_of, located, print_plan, read_plan
from isobit.backends.dataflow.planner.foldings import divisors
from isobit.backends.dataflow.planner.plan import Plan
from isobit.backends.dataflow.planner.request import DEFAULT_REQUEST, PlanRequest
from isobit.backends.dataflow.planner.search import plan_for

__all__ = [
    "DEFAULT_REQUEST", "Candidate", "LayerChoice", "LayerPlan", "Plan", "PlanFile", "PlanRequest",
    "PlannedFifo", "divisors", "folding_of", "located", "plan_for", "print_plan", "read_plan",
]  # fmt: skip
