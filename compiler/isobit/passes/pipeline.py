"""The pipeline: passes in order, each of which keeps every reachable output integer."""

from __future__ import annotations

from collections.abc import Callable

from isobit.hardware.prices import PRICES, Prices
from isobit.ir import Graph
from isobit.passes.axes import SplitBorders, SplitWindows
from isobit.passes.binary import TwoValuesToBits
from isobit.passes.joins import SplitOverConcat
from isobit.passes.merge import MergeEqual
from isobit.passes.movement import AbsorbInputPermutation, AbsorbPermutation, DropIdentityMovements
from isobit.passes.offsets import MoveToFewerBits
from isobit.passes.order import CoarsenBeforeSelect
from isobit.passes.products import ProductToTable, StepIntoTable
from isobit.passes.rewrite import Pass
from isobit.passes.rules import (
    ComposeSteps,
    DropDeadChannels,
    DropIdentitySteps,
    FallingStepToTable,
    FoldBiasIntoOutput,
    FoldBiasIntoStep,
    FoldScaleIntoWeights,
    NarrowSteps,
)
from isobit.passes.shrink import ShrinkMultiplicands
from isobit.passes.split import SplitAtZero
from isobit.passes.sums import NarrowSum

Passes = tuple[Pass, ...]


def folding(prices: Prices = PRICES, zero_borders: bool = False) -> Passes:
    """All passes but the search for short coefficients and multiplicands: what they leave are the exact staircases.

    Args:
        zero_borders: whether borders stay zeros, for back ends that have no others.
    """
    return (
        MergeEqual(),
        SplitWindows(),
        SplitBorders(),
        FoldScaleIntoWeights(),
        SplitOverConcat(),
        FallingStepToTable(),
        ComposeSteps(prices),
        NarrowSteps(),
        DropIdentitySteps(),
        ProductToTable(),
        StepIntoTable(),
        DropDeadChannels(),
        FoldBiasIntoStep(),
        FoldBiasIntoOutput(),
        TwoValuesToBits(),
        CoarsenBeforeSelect(),
        NarrowSteps(),
        AbsorbPermutation(),
        AbsorbInputPermutation(),
        DropIdentityMovements(),
        MergeEqual(),
        SplitAtZero(prices),
        MoveToFewerBits(zero_borders),
        CoarsenBeforeSelect(),
    )


def shrinking(prices: Prices = PRICES, bits: int | None = None) -> Passes:
    """The search for short coefficients, then for short multiplicands (of at most ``bits`` bits where they exist)."""
    return NarrowSum(prices), ShrinkMultiplicands(bits, prices)


FOLDING = folding()
PIPELINE = FOLDING + shrinking()


def optimise(graph: Graph, pipeline: Passes = PIPELINE, told: Callable[[str], None] = lambda _: None) -> Graph:
    """``graph`` after every pass of ``pipeline``, in order; ``told`` hears how many are done."""
    for done, step in enumerate(pipeline):
        told(f"folding requantizers: {done} of {len(pipeline)} passes")
        graph = step(graph)
    return graph
