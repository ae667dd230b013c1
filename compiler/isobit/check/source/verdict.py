"""What the second verdict says, and how outputs of source and graph are laid beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile
from typing import Any, Literal, Protocol

import numpy as np

from isobit.check.source.oracles import EndToEnd, OracleRun
from isobit.ir.ops import HostOp, Output
from isobit.ir.types import IntArray

_LOGIT_OPS, CLAMPS = {"softmax", "logsoftmax"}, {"clip"}
SourceForm = Literal["onnx", "tflite", "exported"]
Arithmetic = Literal["exact", "float32"]
LABELS: Mapping[SourceForm, tuple[str, str]] = {
    "onnx": ("exact arithmetic", "the source in float32"),
    "exported": ("ONNX's reference evaluator", "ONNX Runtime, output by output"),
    "tflite": ("TFLite's reference kernels", "TFLite's reference kernels, layer by layer"),
}
"""What the two halves of the verdict were compared with."""


@dataclass(frozen=True)
class Tie:
    """One integer that differs; it is ``explained`` when ``distance`` is at most ``bound``.

    ``distance`` (from the exact value to the rounding edge) and ``bound`` (of the float error) are in accumulator
    steps; behind a function that was tabulated, in its real values.
    """

    layer: str
    sample: int
    element: tuple[int, ...]
    graph: int
    source: int
    distance: float
    bound: float

    @property
    def explained(self) -> bool:
        return self.distance <= self.bound


class Judged(Protocol):
    """A verdict on a source, or the record kept of one."""

    @property
    def form(self) -> SourceForm: ...

    @property
    def oracles(self) -> tuple[OracleRun, ...]: ...

    @property
    def arithmetic(self) -> Arithmetic: ...


@dataclass(frozen=True)
class SourceVerdict:
    """Source = graph.

    ``exact_outputs`` outputs were compared in exact arithmetic, ``exact_mismatches`` differed (0 when all is well; -1
    when the exact evaluator cannot take the model, with ``note`` saying why). ``float_integers`` integers (every
    quantiser's and every output's) were compared with the float run; ``ties`` differed within the float error of an
    edge, ``unexplained`` otherwise. A TFLite source has no float execution: its reference kernels are both, the
    outputs' verdict and that of every layer's integers. ``oracles`` are the judges that ran, and those that did not
    with the reason; ``arithmetic`` is what the graph follows behind its exact accumulators, and what the first half was
    evaluated in; ``ends`` is the comparison of outputs and predictions with the source's own run, None without one.
    """

    exact_outputs: int
    exact_mismatches: int
    float_samples: int
    float_integers: int
    ties: tuple[Tie, ...]
    unexplained: tuple[Tie, ...]
    note: str = ""
    form: SourceForm = "onnx"
    oracles: tuple[OracleRun, ...] = ()
    ends: EndToEnd | None = None
    arithmetic: Arithmetic = "exact"

    @property
    def equal(self) -> bool:
        wrong = self.exact_mismatches > 0 or self.unexplained or any(o.unexplained for o in self.oracles)
        return not wrong


def labels_of(verdict: Judged) -> tuple[str, str]:
    """What the two halves of the verdict were compared with, by name and version where that is another program."""
    whole, each = LABELS[verdict.form]
    whole = "exact sums with float32 behind them" if verdict.arithmetic == "float32" else whole
    programs = [oracle for oracle in verdict.oracles if oracle.version and oracle.ran]
    return whole, f"{programs[0]} in float32" if programs and verdict.form == "onnx" else each


def in_graph_layout(node: Output, shape: tuple[int, ...], tensor: Any) -> Any:
    """An output ``(batch, *outside_shape)`` as the graph's value of this shape: the host's moves undone."""
    for op in reversed(node.host):
        if op.kind == "reshape":
            transposed = [o for o in node.host if o.kind == "transpose"]
            tensor = tensor.reshape(
                len(tensor), *(tuple(shape[a] for a in transposed[0].shape) if transposed else shape)
            )
        elif op.kind == "transpose":
            tensor = tensor.transpose(0, *(int(a) + 1 for a in np.argsort(op.shape)))
    return tensor


def nearest_integers(node: Output, numerators: Any, denominator: int) -> IntArray:
    """The integers whose exact reals ``scale * integer + offset`` are nearest to the reference's exact values.

    The values themselves agree only to the 128 bits of the square root where a BatchNormalization ends the network.
    """
    channels = numerators.shape[-1]
    integers = np.empty(numerators.shape, dtype=np.int64)
    for c in range(channels):
        scale, offset = node.scale[c % len(node.scale)], node.offset[c % len(node.offset)]
        column = [round((Fraction(int(n), denominator) - offset) / scale) for n in numerators[..., c].reshape(-1)]
        integers[..., c] = np.array(column, dtype=np.int64).reshape(numerators.shape[:-1])
    return integers


def before_logits(node: Output) -> list[HostOp]:
    """What the host does before a Softmax: the exact reference stops there, whatever follows."""
    return list(takewhile(lambda op: op.kind not in _LOGIT_OPS, node.host))


def clamped_alike(node: Output, integers: IntArray, numerators: Any, denominator: int) -> Any:
    """Where the host's final clip holds the reference at a limit that the graph's own real value reaches too."""
    alike = np.zeros(integers.shape, dtype=bool)
    scale, offset = (np.array(v, dtype=object) for v in (node.scale, node.offset))
    for op in (op for op in before_logits(node) if op.kind in CLAMPS):
        real = integers.astype(object) * scale + offset
        low, high = (Fraction(float(np.float32(v))) if np.isfinite(v) else None for v in op.values)
        if low is not None:
            alike |= (numerators == low * denominator).astype(bool) & (real <= low).astype(bool)
        if high is not None:
            alike |= (numerators == high * denominator).astype(bool) & (real >= high).astype(bool)
    return alike
