"""The plan: folding and the implementation of each step, for a board."""

from isobit.plan.file import PlanFile, PlannedFifo, print_plan, read_plan
from isobit.plan.folding import DEFAULT_REQUEST, FifoGoal, PlanRequest, plan_for
from isobit.plan.foldings import divisors
from isobit.plan.plan import Candidate, LayerChoice, LayerPlan, Plan
from isobit.plan.rescale import Rescaled, RescaleRequest, rescaled

__all__ = [
    "DEFAULT_REQUEST", "Candidate", "FifoGoal", "LayerChoice", "LayerPlan", "Plan", "PlanFile", "PlanRequest",
    "PlannedFifo", "RescaleRequest", "Rescaled", "divisors", "plan_for", "print_plan", "read_plan", "rescaled",
]  # fmt: skip
