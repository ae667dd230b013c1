"""What ``accuracy.py`` does to one trained network: every method at every width, evaluated by the interpreter.

Every accuracy is that of an integer graph, the one that would be built: the share of test samples whose greatest output
is at their label (of equal outputs the first counts). Torch only trains.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accuracy_networks import NETWORKS, Layers
from numpy.typing import NDArray
from torch import nn

from isobit.errors import IsobitError
from isobit.frontend.brevitas import export_module
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.qonnx.importer import import_model
from isobit.interp import Evaluator, dequantise, quantise
from isobit.ir import Graph
from isobit.ir.ops import Add, Linear, Step
from isobit.numerics import Curve, MultiplyShift, NoMultiplyShift, Rounded, TooWide, layer_multiply_shift
from isobit.numerics.tflite import quantize_multiplier, rounded_once, rounded_twice
from isobit.passes import FOLDING, optimise
from isobit.passes.budget import apply_budget, plain_rescale
from isobit.passes.shrink import ShrinkMultiplicands
from isobit.refitting.model import refit_file
from isobit.train import Data, accuracy, adam, fit, rescale_aware

REFIT_BITS, AWARE_BITS = 20, 16
"""The widest multiplicands that refit and rescale-aware training offer."""
RATE, TUNING_RATE = 3e-3, 1e-3
Right = NDArray[np.bool_]
TFLITE = {"rounded once": rounded_once, "rounded twice": rounded_twice}


@dataclass(frozen=True)
class Request:
    """What is run on each network: widths in bits, epochs of training and of each fine-tune, and rung 4's share."""

    widths: tuple[int, ...]
    epochs: int
    tuning: int
    budget: Fraction


@dataclass(frozen=True)
class Reference:
    """TensorFlow Lite's 31-bit multipliers: ``wrong`` of ``compared`` integers differ, by ``worst`` steps at most."""

    compared: int
    wrong: int
    worst: int
    accuracy: float


@dataclass(frozen=True)
class Shortened:
    """One method at one width.

    ``lost`` test images were right in the reference and are wrong here, ``won`` the other way round; the reference is
    the exact network or, for training, the control. ``wider`` steps still need more bits; ``join_bits`` has the widest
    coefficient of a sum.
    """

    accuracy: float
    lost: int
    won: int
    wider: int
    join_bits: int


@dataclass(frozen=True)
class Outcome:
    """Everything measured on one network from one seed.

    ``least`` holds each step's least lossless width, 0 where no multiply-shift of any width exists. ``shares`` holds,
    by width, the share of a channel's reachable accumulators that must change for rung 4, and is missing where some
    output would change by more than one step. ``shortened`` is by method, then by width.
    """

    network: str
    seed: int
    float32: float
    exact: float
    control: float
    least: tuple[int, ...]
    join_bits: int
    tflite: Mapping[str, Reference]
    shares: Mapping[int, float]
    shortened: Mapping[str, Mapping[int, Shortened]]


def outcome(network: str, seed: int, data: Data, request: Request, tell: Callable[[str], None]) -> Outcome:
    """Trains one network and runs every method on it; ``tell`` is told what is being done."""
    tell("float32")
    floating = _trained(network, False, seed, data, request.epochs)
    tell("8 bits")
    model = _trained(network, True, seed, data, request.epochs)
    control = _tuned(copy.deepcopy(model), seed, data, request.tuning)
    with tempfile.TemporaryDirectory(prefix="isobit-rescale-") as scratch:
        file = _exported(model, data, Path(scratch) / "model.onnx")
        folded = _folded(file)
        exact = Judge(data, right(folded, data))
        controlled = Judge(data, right(_folded(_exported(control, data, Path(scratch) / "control.onnx")), data))
        shares, budgeted = _budget(folded, exact, request)
        shortened = {
            "plain": {bits: exact.judge(plain_rescale(folded, bits)[0], bits) for bits in request.widths},
            "budget": budgeted,
            "refit": _at_widths(lambda bits: _refitted(file, bits), request.widths, REFIT_BITS, exact, tell, "refit"),
            "trained": _at_widths(
                lambda bits: _tuned_short(model, bits, seed, data, request.tuning, Path(scratch)),
                request.widths, AWARE_BITS, controlled, tell, "training",
            ),
        }  # fmt: skip
    return Outcome(
        network, seed, accuracy(floating, data.test_inputs, data.test_labels), exact.accuracy, controlled.accuracy,
        tuple(least_width(folded, node) for node in _steps(folded)), _join_bits(folded), _references(folded, data),
        shares, shortened,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Judge:
    """Compares integer graphs with a reference, of which ``reference`` says which test images it has right."""

    data: Data
    reference: Right

    @property
    def accuracy(self) -> float:
        """That of the reference."""
        return float(self.reference.mean())

    def judge(self, graph: Graph, bits: int) -> Shortened:
        """A graph whose multiplicands ought to have ``bits`` bits."""
        found = right(graph, self.data)
        lost, won = (int(np.count_nonzero(a & ~b)) for a, b in ((self.reference, found), (found, self.reference)))
        return Shortened(float(found.mean()), lost, won, len(wide_steps(graph, bits)), _join_bits(graph))


def _trained(network: str, quantised: bool, seed: int, data: Data, epochs: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = NETWORKS[network](Layers(quantised), data)
    fit(model, data, epochs=epochs, optimiser=adam(RATE), seed=seed, progress=False)
    return model


def _tuned(model: nn.Module, seed: int, data: Data, epochs: int) -> nn.Module:
    """The fine-tune, the same with and without short multiplicands."""
    fit(model, data, epochs=epochs, optimiser=adam(TUNING_RATE), seed=seed + 1000, progress=False)
    return model


def _tuned_short(model: nn.Module, bits: int, seed: int, data: Data, epochs: int, folder: Path) -> Graph:
    short = _tuned(rescale_aware(model, bits, data.test_inputs[:1]), seed, data, epochs)
    return _folded(_exported(short, data, folder / f"trained{bits}.onnx"))


def _refitted(file: Path, bits: int) -> Graph:
    return _folded(refit_file(file, file.with_name(f"refit{bits}.onnx"), bits)[0])


def _exported(model: nn.Module, data: Data, file: Path) -> Path:
    return export_module(model, tuple(data.test_inputs.shape[1:]), file)


def _folded(file: Path) -> Graph:
    return optimise(import_model(load_onnx(file)), FOLDING)


def _at_widths(
    make: Callable[[int], Graph], widths: Sequence[int], most: int, judge: Judge, tell: Callable[[str], None], what: str
) -> dict[int, Shortened]:
    made = {}
    for bits in widths:
        if bits <= most:
            tell(f"{what}, {bits} bits")
            made[bits] = judge.judge(ShrinkMultiplicands(bits)(make(bits)), bits)
    return made


def _budget(folded: Graph, judge: Judge, request: Request) -> tuple[dict[int, float], dict[int, Shortened]]:
    """Rung 4: the share that each width needs, and what comes of it where that is within the budget."""
    shares, made = {}, {}
    for bits in request.widths:
        exact = ShrinkMultiplicands(bits)(folded)
        try:
            graph, errors = apply_budget(exact, wide_steps(exact, bits), bits, Fraction(1))
        except IsobitError:  # E802: more than one step, whatever the share
            continue
        share = max((e.share for e in errors), default=Fraction(0))
        shares[bits] = float(share)
        if share <= request.budget:
            made[bits] = judge.judge(graph, bits)
    return shares, made


def _steps(graph: Graph) -> list[Step]:
    return [node for node in graph.nodes if isinstance(node, Step)]


def wide_steps(graph: Graph, bits: int) -> list[str]:
    """The steps of a shrunk graph that are not built with multiplicands of ``bits`` bits; zeros behind are wiring."""
    return [node.name for node in _steps(graph) if not all(_fits(curve, bits) for curve in node.curves)]


def _fits(curve: Curve, bits: int) -> bool:
    if isinstance(curve, MultiplyShift):
        return significant_bits(curve.m) <= bits
    return isinstance(curve, Rounded)  # after shrinking, a generator's scale is a power of two


def least_width(graph: Graph, node: Step) -> int:
    """The bits of the least lossless multiplicand that serves all channels of a step (rung 1); 0 where none exists."""
    x = graph.types[node.inputs[0]]
    found = layer_multiply_shift(node.curves, *node.curves.reach(x), graph.types[node.name].bounds, 0)
    if isinstance(found, TooWide):
        return found.bits
    assert isinstance(found, NoMultiplyShift)  # of no bits there is none
    return 0


def significant_bits(number: int) -> int:
    """The bits of a number's odd part, 0 for 0: the factor 2**n is wiring."""
    return (number // (number & -number)).bit_length() if number else 0


def _join_bits(graph: Graph) -> int:
    """The significant bits of the widest coefficient of a sum, 0 without a sum."""
    numbers = [abs(int(c)) for n in graph.nodes if isinstance(n, Add) for cs in n.coefficients for c in cs]
    return max(map(significant_bits, numbers), default=0)


def right(graph: Graph, data: Data) -> Right:
    """Which test images an integer graph with one input and one output has right."""
    (exit_,) = graph.outputs
    return _right(graph, Evaluator(graph).run(_integers(graph, data))[exit_.name], data)


def _integers(graph: Graph, data: Data) -> dict[str, Any]:
    (entry,) = graph.inputs
    return {entry.name: quantise(entry, data.test_inputs.numpy())}


def _right(graph: Graph, scores: Any, data: Data) -> Right:
    (exit_,) = graph.outputs
    found: Right = dequantise(exit_, scores).argmax(axis=1) == data.test_labels.numpy()
    return found


def _references(folded: Graph, data: Data) -> dict[str, Reference]:
    """Both 31-bit forms in the place of every step that follows a layer; a join has a form of its own and stays."""
    values = Evaluator(folded).run(_integers(folded, data), taps=True)
    steps = [n for n in _steps(folded) if isinstance(folded.by_name[n.inputs[0]], Linear)]
    return {name: _reference(folded, steps, values, form, data) for name, form in TFLITE.items()}


def _reference(
    folded: Graph, steps: Sequence[Step], values: Mapping[str, Any], form: Callable[..., Any], data: Data
) -> Reference:
    forms = {node.name: partial(reference_integers, node, form) for node in steps}
    apart = [np.abs(forms[node.name](values[node.inputs[0]]) - values[node.name]) for node in steps]
    made = _integers(folded, data)
    for node, exact in Evaluator(folded).functions:
        made[node.name] = forms.get(node.name, exact)(*(made[name] for name in node.inputs))
    (exit_,) = folded.outputs
    wrong, worst = sum(int(np.count_nonzero(a)) for a in apart), max(int(a.max()) for a in apart)
    return Reference(sum(a.size for a in apart), wrong, worst, float(_right(folded, made[exit_.name], data).mean()))


def reference_integers(node: Step, form: Callable[..., Any], x: Any) -> Any:
    """Accumulators ``(batch, ..., channels)`` by a 31-bit form; the bias in whole units of the accumulator."""
    made = np.empty(x.shape, np.int64)
    curves = node.curves * x.shape[-1] if len(node.curves) == 1 else node.curves
    for channel, curve in enumerate(curves):
        assert isinstance(curve, Rounded) and curve.mult > 0
        bias = (curve.offset / curve.mult + Fraction(1, 2)).__floor__()
        y = form(x[..., channel].astype(np.int64) + bias, *quantize_multiplier(curve.mult))
        made[..., channel] = np.clip(y, curve.lo, curve.hi)
    return made
