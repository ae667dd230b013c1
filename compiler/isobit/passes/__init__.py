"""Rewrites of the integer graph. Each is a law; the order is :data:`isobit.passes.pipeline.PIPELINE`."""

from isobit.passes.merge import merge_equal
from isobit.passes.pipeline import FOLDING, PIPELINE, optimise
from isobit.passes.rewrite import Rule, apply_rule

__all__ = ["FOLDING", "PIPELINE", "Rule", "apply_rule", "merge_equal", "optimise"]
