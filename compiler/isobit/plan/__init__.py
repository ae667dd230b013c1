"""The plan: folding and the implementation of each step, for a board."""

from isobit.plan.folding import accumulator_bits, plan_for
from isobit.plan.plan import Candidate, LayerPlan, Plan

__all__ = ["Candidate", "LayerPlan", "Plan", "accumulator_bits", "plan_for"]
