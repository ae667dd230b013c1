"""The plan: folding and the implementation of each step, for a board."""

from isobit.plan.file import print_plan, read_plan
from isobit.plan.folding import DEFAULT_REQUEST, PlanRequest, plan_for
from isobit.plan.layers import divisors
from isobit.plan.plan import Candidate, LayerChoice, LayerPlan, Plan

__all__ = [
    "DEFAULT_REQUEST", "Candidate", "LayerChoice", "LayerPlan", "Plan", "PlanRequest",
    "divisors", "plan_for", "print_plan", "read_plan",
]  # fmt: skip
