"""Rung 2 of the ladder: weights requantised so that every requantizer is a k-bit multiplicand and a shift, exactly.

A source-to-source transformation, without data. With ``M = S_x * S_w / S_y`` a requantizer is free of error when M is
``m * 2**-s``. So

* the scales of all activations become one number times powers of two: a positive factor commutes with ReLU, pooling
  and movement, and the layers with weights on either side absorb it (:mod:`isobit.refitting.groups`);
* the scale of every output channel's weights becomes ``m * 2**e`` with the k-bit m nearest to what it was, or its
  neighbour where that moves the weights less, and the float weights are quantised with it;
* BatchNormalization behind a layer is folded into its weights, biases follow;
* where half-way values would be reached the bias moves by a quarter of the least unit, because rounding half to even
  has no multiply-shift.

A quantiser behind an average over no power of two gets ``S / (m D)``, with m of k bits and D the odd divisor, which the
next layers take out again; only its nearest float32 can be written, and the search then proves what is built.

The scale of the input is rounded to 12 significant bits, that of the output to a short multiple of it, where the
network ends in a quantiser: then all products are exact in float32. What cannot be refitted stays and is named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import log2
from pathlib import Path
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.onnx.model import SourceModel, SourceNode
from isobit.frontend.qonnx.input_type import InputType
from isobit.numerics import exact, plain_multiplicand
from isobit.refitting.edit import Edit, nearby, nearly_float, odd_part, shortened
from isobit.refitting.emit import to_proto
from isobit.refitting.groups import Group, Groups, pool_size
from isobit.refitting.layers import Layer, find_layers, quantised
from isobit.refitting.report import RefitReport, ScaleMove
from isobit.refitting.weights import IntegerWeights, chosen_scale, moved

ENTRY_BITS, FLOAT_BITS = 12, 24
_NEAREST = frozenset({"ROUND", "HALF_UP", "HALF_DOWN", "HALF_EVEN"})


def refit_file(source: Path, target: Path, bits: int, declared: InputType | None = None) -> tuple[Path, RefitReport]:
    """Write the refitted model of a QONNX file to ``target``; ``declared`` is the type of an input without quantiser.

    Raises:
        IsobitError: E804 when nothing can be refitted, and those of :func:`~isobit.frontend.onnx.file.load_onnx`.
    """
    model, report = refit_model(load_onnx(source), bits, declared)
    target.write_bytes(to_proto(model).SerializeToString(deterministic=True))
    return target, report


def refit_model(
    model: SourceModel, bits: int, declared: InputType | None = None
) -> tuple[SourceModel, RefitReport]:  # fmt: skip
    """The refitted model, and what changed.

    Raises:
        IsobitError: E804 when nothing can be refitted, or when ``bits`` leaves float32 no room for exact scales.
    """
    if not 1 <= bits <= FLOAT_BITS - 4:
        raise IsobitError("E804", f"{bits} bits", hint=f"1 to {FLOAT_BITS - 4} bits fit a float32 scale")
    layers, left = find_layers(model)
    return _Refit(model, layers, left, bits, declared).run()


@dataclass
class _Scales:
    """A group's factor, and the multiple ``p`` of the base that its quantisers' scales are (0: not exact)."""

    factor: Fraction = Fraction(1)
    p: int = 0


class _Refit:
    def __init__(
        self, model: SourceModel, layers: list[Layer], left: list[str], bits: int, declared: InputType | None
    ) -> None:
        self.model, self.layers, self.left, self.bits = model, layers, left, bits
        absorbed = {n.outputs[0] for layer in layers for n in layer.absorbed}
        self.groups = Groups(model, absorbed, {layer.node.outputs[0] for layer in layers})
        self.maker = {name: node for node in model.nodes for name in node.outputs}
        self.edit, self.moves, self.scale_moves = Edit(), [], []  # type: ignore[var-annotated]
        self.room = min(ENTRY_BITS, FLOAT_BITS - bits)
        self.declared = None if declared is None else declared.scale
        self.base = self._base()
        self.new: dict[str, Fraction] = {}  # the exact scale of each quantiser's output
        self.averaged: set[str] = set()  # the quantisers right behind an average over no power of two
        self.of: dict[int, _Scales] = {}

    def run(self) -> tuple[SourceModel, RefitReport]:
        for group in self.groups.distinct():
            self.of[id(group)] = self._group(group)
        self._rescale_terms()
        for layer in self.layers:
            self._layer(layer)
        if not self.moves:
            raise IsobitError("E804", "; ".join(self.left) or "it has no layers with weights")
        report = RefitReport(self.bits, tuple(self.moves), tuple(self.scale_moves), tuple(self.left))
        return self.edit.applied(self.model), report

    # --- activations ---------------------------------------------------------------------------------------------

    def _base(self) -> Fraction:
        """What every hidden scale is a power of two times of: the input's scale, short where the output needs room."""
        if self.declared is not None:
            return Fraction(odd_part(self.declared.numerator))
        entries = [q for g in self.groups.distinct() if g.entry for q in g.quants if self._scale(q) is not None]
        if not entries:
            raise IsobitError("E804", "no input has a quantiser with one scale", hint="--budget needs none")
        scale = self._scale(entries[0])
        assert scale is not None
        ends = any(g.exit and g.quants for g in self.groups.distinct())
        return shortened(scale, ENTRY_BITS) if ends else scale

    def _scale(self, quant: SourceNode) -> Fraction | None:
        """The scale of an activation's quantiser, None unless it is one constant."""
        value = self.model.constants.get(quant.inputs[1])
        return exact(np.float32(value.reshape(-1)[0])) if value is not None and value.size == 1 else None

    def _group(self, group: Group) -> _Scales:
        scales = [self._scale(q) for q in group.quants]
        known = [s for s in scales if s is not None]
        if group.fixed or len(known) != len(scales):
            if group.quants:
                self._leave(group, group.fixed or "a scale per channel")
            return _Scales()
        if group.exit and group.quants:
            return self._exit(group, known)
        averages = [self.groups.odd_divisor(q.inputs[0], self.maker, self.model) > 1 for q in group.quants]
        tied = [s for s, average in zip(known, averages, strict=True) if not average]
        factor = Fraction(1) if group.entry or group.exit else self._factor(tied)
        for quant, scale, average in zip(group.quants, known, averages, strict=True):
            if average:
                self._average(quant, factor, scale)
            else:
                self._move(quant, factor, nearby(factor * scale, self.base, group.entry and scale == known[0]))
        return _Scales(factor, 1)

    def _average(self, quant: SourceNode, factor: Fraction, scale: Fraction) -> None:
        """A quantiser behind an average: its scale takes the odd divisor and a short multiplicand; the layers that read
        it take both out again. The nearest float32 stands for it: the search proves the multiplicands for that one."""
        unit = self._unit(quant.inputs[0])
        assert unit is not None  # before it are only quantisers of the same group, which have moved
        self.averaged.add(quant.outputs[0])
        self._move(quant, factor, nearly_float(unit, factor * scale, self.bits))

    def _exit(self, group: Group, known: list[Fraction]) -> _Scales:
        """The output's scale stays but for its short multiple p of the base; what it is joined with gets the same p."""
        if len(set(known)) > 1 and (group.entry or group.read):
            self._leave(group, "several scales meet before the output")
            return _Scales()
        p, _ = plain_multiplicand(known[-1] / self.base, self.room)
        for quant, scale in zip(group.quants, known, strict=True):
            self._move(quant, Fraction(1), nearby(scale, self.base * p, scale == known[-1]))
        return _Scales(Fraction(1), odd_part(p))

    def _leave(self, group: Group, why: str) -> None:
        names = ", ".join(printable(q.name) for q in group.quants)
        self.left.append(f"the scale of {names} ({printable(why)})")

    def _factor(self, known: list[Fraction]) -> Fraction:
        """The factor with which the scales of a group come closest to where they may lie."""
        factors = [nearby(s, self.base, True) / s for s in known]
        return min(factors, key=lambda f: self._distance(f, known), default=Fraction(1))

    def _distance(self, factor: Fraction, known: list[Fraction]) -> float:
        return sum(abs(log2(nearby(factor * s, self.base, False) / (factor * s))) for s in known)

    def _move(self, quant: SourceNode, factor: Fraction, scale: Fraction) -> None:
        before = self._scale(quant)
        assert before is not None
        self.new[quant.outputs[0]] = scale
        if exact(np.float32(float(scale))) != scale and quant.outputs[0] not in self.averaged:
            raise IsobitError("E804", f"{float(scale)} is no float32", where=printable(quant.name), hint="fewer bits")
        if scale != before:
            name = self.edit.constant(float(scale))
            self.edit.nodes[quant.outputs[0]] = replace(quant, inputs=(quant.inputs[0], name, *quant.inputs[2:]))
            ratio = float(scale / (before * factor))
            self.scale_moves.append(ScaleMove(printable(quant.name), float(before), float(scale), ratio))

    def _rescale_terms(self) -> None:
        """Constant terms and limits inside a group are multiplied by its factor."""
        for node in self.model.nodes:
            moving = [n for n in node.inputs if n in self.groups.dynamic]
            if node.op not in ("Add", "Sub", "Clip") or len(moving) != 1 or node.outputs[0] in self.groups.absorbed:
                continue
            factor = self.of[id(self.groups.of(moving[0]))].factor
            if factor != 1:
                inputs = tuple(n if n in moving or not n else self._term(n, float(factor)) for n in node.inputs)
                self.edit.nodes[node.outputs[0]] = replace(node, inputs=inputs)

    def _term(self, name: str, factor: float) -> str:
        value = self.model.constants.get(name)
        if value is None:
            value = quantised(self.model, self.maker[name])[1]
        return self.edit.constant(np.asarray(value, np.float64) * factor)

    # --- weights -------------------------------------------------------------------------------------------------

    def _layer(self, layer: Layer) -> None:
        entry, end = (self.of[id(self.groups.of(n))] for n in (layer.node.inputs[0], layer.output))
        ratio = float(end.factor / entry.factor)
        weights = layer.weights * layer.along(layer.gain) * ratio
        target = layer.scale * np.abs(layer.gain) * ratio
        unit = self._unit(layer.node.inputs[0])
        quants = self.groups.of(layer.output).quants
        problem = self._problem(layer, unit, end, bool(quants))
        if problem:
            self._keep(layer, weights, target, ratio, problem)
            return
        assert unit is not None
        odd = odd_part((unit / self.base).denominator) * end.p
        target = np.where(target > 0, target, 1.0)  # a channel whose gain is 0
        integers = IntegerWeights.of(self.model, layer)
        scale = chosen_scale(integers, weights, target, odd, self.bits)
        self.moves.append(moved(integers, weights, target, scale))
        shift = layer.shift * float(end.factor)
        off = [self._off_ties(quants, unit * exact(s), b) for s, b in zip(scale, shift, strict=True)]
        self._install(layer, weights, scale, shift + np.array(off))

    def _problem(self, layer: Layer, unit: Fraction | None, end: _Scales, quantised_after: bool) -> str:
        if not quantised_after:
            return "-"  # no requantizer follows, so that nothing has to be short
        if unit is None or odd_part((unit / self.base).numerator) > 1:
            return "its input's scale cannot move"
        if not end.p:
            return "the scale behind it cannot move"
        used = (odd_part((unit / self.base).denominator) * end.p).bit_length() + self.bits
        return "" if used <= FLOAT_BITS else f"its scale would need {used} bits of a float32"

    def _keep(self, layer: Layer, weights: Any, target: Any, ratio: float, problem: str) -> None:
        """The same integers under the factors of the neighbouring groups."""
        if problem != "-":
            self.left.append(f"{layer.node.op} {printable(layer.node.name)}: {problem}")
        if ratio == 1:
            return
        end = self.of[id(self.groups.of(layer.output))]
        scale = np.where(target > 0, target, layer.scale).astype(np.float32).astype(np.float64)
        integers = quantised(self.model, layer.quant)[0] * layer.along(np.sign(layer.gain))
        self._install(layer, integers * layer.along(scale), scale, layer.shift * float(end.factor))

    def _unit(self, tensor: str) -> Fraction | None:
        """The real value of the least step of a tensor, None where its scale is not one that was chosen here."""
        if tensor in self.new:
            return self.new[tensor]
        node = self.maker.get(tensor)
        if node is None:
            return self.declared
        if node.op in ("Quant", "Conv", "MatMul", "Gemm", "ConvTranspose") or not self.groups.commutes(node):
            return None
        below = [self._unit(n) for n in node.inputs if n in self.groups.dynamic]
        units = [u for u in below if u is not None]
        if len(units) != len(below) or not units:
            return None
        return min(units) / pool_size(node, self.model)

    def _off_ties(self, quants: list[SourceNode], unit: Fraction, shift: float) -> float:
        """A quarter of the least step between rounded values, where a half could be reached; else 0.

        A quantiser computes ``round(m a 2**-s + o)``; with ``o 2**s`` an integer some a may give a half. Where float32
        has no bit for a quarter, beside a large ``shift``, half a step does.
        """
        moves = []
        for quant in (q for q in quants if q.outputs[0] not in self.averaged):
            scale = self.new[quant.outputs[0]]
            zero = exact(np.float32(self.model.constants[quant.inputs[2]].reshape(-1)[0]))
            step = scale / (unit / scale).denominator
            nearest = str(quant.attrs.get("rounding_mode", "ROUND")).upper() in _NEAREST
            tries = [float(step / part) for part in (4, 2)] if nearest else []
            if nearest and _on_lattice(shift, step, scale, zero):
                moves += [d for d in tries if not _on_lattice(shift + d, step, scale, zero)][:1]
        return min(moves, default=0.0)

    def _install(self, layer: Layer, weights: Any, scale: Any, shift: Any) -> None:
        quant, node = layer.quant, layer.node
        names = self.edit.constant(weights), self.edit.constant(layer.along(np.asarray(scale)))
        self.edit.nodes[quant.outputs[0]] = replace(quant, inputs=(*names, *quant.inputs[2:]))
        self.edit.dropped |= {n.outputs[0] for n in layer.absorbed}
        if not shift.any():
            self.edit.nodes[node.outputs[0]] = replace(node, inputs=node.inputs[:2], outputs=(layer.output,))
            return
        inner = node.outputs[0] if layer.absorbed else f"{layer.output}_refit"
        rank = len(self.model.shapes[layer.output])
        shape = (-1, *[1] * (rank - 2)) if node.op == "Conv" else (-1,)
        term = self.edit.constant(shift.reshape(shape))
        self.edit.nodes[node.outputs[0]] = replace(node, inputs=node.inputs[:2], outputs=(inner,))
        self.edit.behind[node.outputs[0]] = SourceNode(
            "Add", f"{node.name}_bias", (inner, term), (layer.output,), {}, node.opset, ""
        )  # fmt: skip


def _on_lattice(shift: float, step: Fraction, scale: Fraction, zero: Fraction) -> bool:
    """Whether the rounded values, offset by ``shift`` as float32, lie on whole steps."""
    return ((exact(np.float32(shift)) + zero * scale) / step).denominator == 1
