"""Rewrites of the integer graph. Each is a law; the order is :data:`isobit.passes.pipeline.PIPELINE`."""

from isobit.passes.merge import merge_equal
from isobit.passes.pipeline import PIPELINE, optimise
from isobit.passes.rewrite import Rule, apply_rule

__all__ = ["PIPELINE", "Rule", "apply_rule", "merge_equal", "optimise"]
