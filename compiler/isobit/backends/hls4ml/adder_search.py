"""Adder graphs by da4ml (optional, LGPL): searched for in a process of its own, for so long, and proved afterwards."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from isobit.backends.base import Progress
from isobit.backends.hls4ml.adders import AdderGraph, Sum, Tap
from isobit.errors import IsobitError, printable, promised
from isobit.ir.types import IntArray
from isobit.subprocesses import run

_SOLVER = Path(__file__).with_name("da4ml_solve.py")
_COPY, _ADD, _SUBTRACT = -1, 0, 1
MOST_BITS = 24
"""da4ml reads weights as float32 (findings/da4ml-kernel-float32.sh)."""


def installed() -> bool:
    """Is da4ml there?"""
    return importlib.util.find_spec("da4ml") is not None


def adder_graph(
    name: str, weights: IntArray, lo: IntArray, hi: IntArray, seconds: int, progress: Progress
) -> AdderGraph:  # fmt: skip
    """An adder graph of a layer, proved to compute its products.

    Args:
        name: the layer's, for refusals.
        weights: ``(outputs, inputs)``.
        lo, hi: ``(inputs,)``, between which every input lies.
        seconds: after which the search is given up.

    Raises:
        IsobitError: E303 without da4ml, E503 where the search does not end, E504 for weights that da4ml cannot read.
    """
    if not installed():
        hint = 'pip install "isobit[adders]" (da4ml is under the LGPL), or another strategy'
        raise IsobitError("E303", "distributed arithmetic needs da4ml, which is not installed", where=name, hint=hint)
    if max(abs(int(weights.min())), abs(int(weights.max()))) >> MOST_BITS:
        text = f"da4ml reads weights as float32, which holds {MOST_BITS} bits"
        raise IsobitError("E504", text, where=name, hint='strategy = "Latency" of the layer')
    progress(f"{name}: searching for an adder graph of {weights.shape[1]} x {weights.shape[0]} weights")
    problem = _Problem(name, tuple(map(tuple, weights.tolist())), tuple(lo.tolist()), tuple(hi.tolist()), seconds)
    found = _searched(problem)
    promised(found.computes(weights), "da4ml's adder graph is not the layer's", where=name)
    return found


@dataclass(frozen=True)
class _Problem:
    name: str
    weights: tuple[tuple[int, ...], ...]
    lo: tuple[int, ...]
    hi: tuple[int, ...]
    seconds: int


@lru_cache(maxsize=64)  # a network is planned more than once
def _searched(problem: _Problem) -> AdderGraph:
    given = io.BytesIO()
    np.savez(given, kernel=np.array(problem.weights, float).T, low=problem.lo, high=problem.hi)
    try:
        done = run([sys.executable, str(_SOLVER)], problem.seconds, given.getvalue())
    except subprocess.TimeoutExpired as error:
        text = f"the search for an adder graph did not end within {problem.seconds} s"
        hint = 'strategy = "Latency" of the layer, or more search_seconds in the plan'
        raise IsobitError("E503", text, where=problem.name, hint=hint) from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise IsobitError("E503", f"da4ml ended with: {printable(lines[-1], 200)}", where=problem.name)
    return joined(len(problem.lo), json.loads(done.stdout))


@dataclass(frozen=True)
class _Value:
    """``operand * 2**exponent``, or its negative; None is zero."""

    operand: int | None
    exponent: int = 0
    negative: bool = False


def joined(inputs: int, stages: Sequence[Any]) -> AdderGraph:
    """da4ml's stages, whose numbers have binary fractions, as one graph of integers."""
    sums: list[Sum] = []
    values = [_Value(i) for i in range(inputs)]
    for stage in stages:
        made: list[_Value] = []
        given = [_Value(v.operand, v.exponent + s, v.negative) for v, s in zip(values, stage["in_shifts"], strict=True)]
        for left, right, kind, shift in stage["sums"]:
            if kind == _COPY:
                made.append(given[left])
                continue
            promised(kind in (_ADD, _SUBTRACT), f"da4ml's operation {kind} is no sum")
            other = made[right]
            moved = _Value(other.operand, other.exponent + shift, other.negative != (kind == _SUBTRACT))
            made.append(_summed(inputs, sums, made[left], moved))
        values = [
            _Value(None) if i < 0 else _Value(made[i].operand, made[i].exponent + s, made[i].negative != n)
            for i, s, n in stage["out"]
        ]
    return AdderGraph(inputs, tuple(sums), tuple(Tap(v.operand, v.exponent, v.negative) for v in values))


def _summed(inputs: int, sums: list[Sum], left: _Value, right: _Value) -> _Value:
    """The sum of two values, appended where it takes an adder."""
    if left.operand is None:
        return right
    if right.operand is None:
        return left
    least, minus = min(left.exponent, right.exponent), left.negative != right.negative
    ends = [(left.operand, left.exponent - least), (right.operand, right.exponent - least)]
    if left.negative and minus:
        left, ends = right, ends[::-1]
    sums.append(Sum(*ends[0], *ends[1], minus))
    return _Value(inputs + len(sums) - 1, least, left.negative)
