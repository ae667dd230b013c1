"""Rewrites of the integer graph. Each is a law; the order is :data:`isobit.passes.pipeline.PIPELINE`."""

from isobit.passes.merge import MergeEqual
from isobit.passes.pipeline import FOLDING, PIPELINE, folding, optimise, shrinking
from isobit.passes.rewrite import Pass, Rule, apply_rule

__all__ = ["FOLDING", "PIPELINE", "MergeEqual", "Pass", "Rule", "apply_rule", "folding", "optimise", "shrinking"]
