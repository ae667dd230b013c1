"""The nearest-prototype head in the fabric: ``argmax over c of sum over i of p[c][i] * (f[i] - m[i])``.

``f`` are the features that a backbone gives, ``m`` a mean and ``p`` one prototype for each class, all integers. With
prototypes of one length the largest dot product is the nearest prototype, and the length of ``f - m``, which would be
divided out first, changes no argmax. Mean and prototypes are one more input of the graph, rows 0 and 1 .. classes of
``(classes + 1, features)``, sent with every frame: nothing is kept between frames, so the hardware means what the
interpreter computes. The features stay an output, for enrolment.

    p : input            c = add(f, m; 1, -1)
    m = p[0]             s = linear(c, p[1:])
                         label = select(s)

Source of the rule: PEFSL and EASY as ``docs/fewshot.md`` cites them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Const, Input, Linear, Output, Reindex, Select, frozen_ints
from isobit.numerics import bit_width

MOST_CLASSES, MOST_BITS = 1024, 24
"""Of a head; of one element of a mean or a prototype."""
PROTOTYPES, LABEL = "prototypes", "label"
"""What the head's input and output are called outside."""
_LAYOUT = frozenset({"reshape", "transpose"})


@dataclass(frozen=True, eq=False)
class Head:
    """The head of a graph: its input (mean and prototypes), the features' output and the label's."""

    prototypes: Input
    features: Output
    label: Output

    @property
    def classes(self) -> int:
        """How many prototypes there are."""
        return self.prototypes.shape[0] - 1

    @property
    def limit(self) -> int:
        """The greatest magnitude of an element of a mean or a prototype."""
        return int(self.prototypes.hi[0])


def with_head(graph: Graph, classes: int, bits: int = 0) -> Graph:
    """``graph`` with a nearest-prototype head on its only output, which stays; see the module's docstring.

    Args:
        classes: prototypes, and rows of the head's input but for the mean.
        bits: of an element of a prototype or the mean, sign included; 0 for as few as hold every mean of features.

    Raises:
        IsobitError: E312 for an output that is no vector of features with one scale, and for numbers of classes or bits
            that make no head.
    """
    if isinstance(classes, bool) or not isinstance(classes, int) or not 2 <= classes <= MOST_CLASSES:
        raise IsobitError("E312", f"{printable(classes)} classes", hint=f"2 to {MOST_CLASSES}")
    features = _features(graph)
    value, kind = features.inputs[0], graph.types[features.inputs[0]]
    largest = max(-kind.bounds[0], kind.bounds[1], 1)
    least = bit_width(-largest, largest)
    width = bits or least
    if isinstance(bits, bool) or not isinstance(width, int) or not least <= width <= MOST_BITS:
        hint = f"{least} bits or more hold every mean of the features, {MOST_BITS} at most"
        raise IsobitError(
            "E312", f"prototypes of {printable(width)} bits", where=printable(features.outside), hint=hint
        )
    named = FreeNames(graph)
    rows, mean, weights, centred, scores, best, label = (
        named(n) for n in (PROTOTYPES, "mean", "class_prototypes", "centred", "scores", "best", LABEL)
    )
    size, limit = kind.size, (1 << width - 1) - 1
    flat = named("features")
    outside = [named.outside(n) for n in (PROTOTYPES, LABEL)]
    span = np.arange(classes * size).reshape(classes, size) + size
    added: list[Node] = [
        Input(
            name=rows, shape=(classes + 1, size), lo=frozen_ints(-limit), hi=frozen_ints(limit), outside=outside[0],
            outside_shape=(classes + 1, size), dtype="int16" if width <= 16 else "int32",
        ),
        Reindex(name=flat, inputs=(value,), index=frozen_ints(np.arange(size))),
        Reindex(name=mean, inputs=(rows,), index=frozen_ints(np.arange(size))),
        Reindex(name=weights, inputs=(rows,), index=frozen_ints(span)),
        Add(name=centred, inputs=(flat, mean), coefficients=(frozen_ints(1), frozen_ints(-1))),
        Linear(name=scores, inputs=(centred, weights)),
        Select(name=best, inputs=(scores,)),
        Output(name=label, inputs=(best,), outside=outside[1], outside_shape=(1,)),
    ]  # fmt: skip
    return Graph((*graph.nodes, *added))


def head_of(graph: Graph) -> Head | None:
    """The head that :func:`with_head` gave a graph, recognised by its operations; None where there is none."""
    for label in graph.outputs:
        best = graph.by_name[label.inputs[0]]
        scores = graph.by_name[best.inputs[0]] if isinstance(best, Select) else None
        if not isinstance(scores, Linear) or isinstance(graph.by_name[scores.inputs[1]], Const):
            continue
        rows = _origin(graph, scores.inputs[1])
        others = [o for o in graph.outputs if o is not label]
        classes = graph.types[scores.name].size  # a mean before them tells the head from a model's own product
        if isinstance(rows, Input) and rows.shape[0] == classes + 1 and len(others) == 1:
            return Head(rows, others[0], label)
    return None


def without_head(graph: Graph) -> Graph:
    """The backbone: the graph less what only its head needs; the graph itself where it has no head."""
    head = head_of(graph)
    if head is None:
        return graph
    needed = {head.features.name}
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
    kept = [n for n in graph.nodes if n.name in needed or (isinstance(n, Input) and n is not head.prototypes)]
    return Graph(tuple(kept))


def _features(graph: Graph) -> Output:
    """The output whose values are the features."""
    if head_of(graph) is not None:
        raise IsobitError("E312", "the graph has a head already")
    if len(graph.outputs) != 1:
        names = ", ".join(printable(o.outside) for o in graph.outputs)
        raise IsobitError("E312", f"the backbone has {len(graph.outputs)} outputs: {names}", hint="one, the features")
    (output,) = graph.outputs
    kind, where = graph.types[output.inputs[0]], printable(output.outside)
    if kind.size != kind.channels:
        what = f"the output has shape {list(kind.shape)}, the head takes one vector a frame"
        raise IsobitError("E312", what, where=where, hint="end the backbone with its mean over height and width")
    if others := [op.kind for op in output.host if op.kind not in _LAYOUT]:
        hint = "end the model before it"
        raise IsobitError("E312", f"the output ends with a {others[0]} on the host", where=where, hint=hint)
    if len(set(output.scale)) > 1:
        hint = "quantise the features per tensor"
        raise IsobitError("E312", "the features have a scale for each channel", where=where, hint=hint)
    return output


def _origin(graph: Graph, name: str) -> Node:
    node = graph.by_name[name]
    while isinstance(node, Reindex):
        node = graph.by_name[node.inputs[0]]
    return node


class FreeNames:
    """Names that no value of the graph has, and no tensor outside."""

    def __init__(self, graph: Graph) -> None:
        self.taken = set(graph.by_name)
        self.outside_taken = {n.outside for n in graph.inputs} | {n.outside for n in graph.outputs}

    def __call__(self, stem: str) -> str:
        return _unused(stem, self.taken)

    def outside(self, stem: str) -> str:
        return _unused(stem, self.outside_taken)


def _unused(stem: str, taken: set[str]) -> str:
    name = next(name for name in _numbered(stem) if name not in taken)
    taken.add(name)
    return name


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}_{number}"
        number += 1
