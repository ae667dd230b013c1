"""The pipeline: one tuple, run in order. Every entry keeps every reachable output integer."""

from __future__ import annotations

from collections.abc import Callable

from isobit.ir import Graph
from isobit.passes import rules
from isobit.passes.joins import split_over_concat
from isobit.passes.merge import merge_equal
from isobit.passes.order import coarsen_before_select
from isobit.passes.rewrite import Rule, apply_rule
from isobit.passes.shrink import shrink_multiplicands
from isobit.passes.split import split_at_zero
from isobit.passes.sums import narrow_sum

Pass = Rule | Callable[[Graph], Graph]

NARROW_SUMS = Rule("narrow-sum", narrow_sum)

PIPELINE: tuple[Pass, ...] = (
    merge_equal,
    Rule("fold-scale-into-weights", rules.fold_scale_into_weights),
    Rule("split-over-concat", split_over_concat),
    Rule("falling-step-to-table", rules.falling_step_to_table),
    Rule("compose-steps", rules.compose_steps),
    Rule("narrow-steps", rules.narrow_steps),
    Rule("drop-identity-steps", rules.drop_identity_steps),
    Rule("drop-dead-channels", rules.drop_dead_channels),
    Rule("fold-bias-into-step", rules.fold_bias_into_step),
    Rule("fold-bias-into-output", rules.fold_bias_into_output),
    Rule("coarsen-before-select", coarsen_before_select),
    Rule("narrow-steps", rules.narrow_steps),
    Rule("absorb-permutation", rules.absorb_permutation),
    Rule("absorb-input-permutation", rules.absorb_input_permutation),
    Rule("drop-identity-movements", rules.drop_identity_movements),
    merge_equal,
    Rule("split-at-zero", split_at_zero),
    NARROW_SUMS,
    Rule("shrink-multiplicands", shrink_multiplicands),
)

FOLDING = PIPELINE[:-2]
"""The pipeline but for the search for short coefficients and multiplicands: what it leaves are the exact staircases."""


def optimise(graph: Graph, pipeline: tuple[Pass, ...] = PIPELINE) -> Graph:
    """``graph`` after every pass of ``pipeline``, in order."""
    for step in pipeline:
        graph = apply_rule(graph, step) if isinstance(step, Rule) else step(graph)
    return graph
