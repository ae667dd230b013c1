"""Accuracy on a user's labelled samples: the compiled C++, the graph, the source's own run and others, side by side.

The classes of a sample are ordered by what the model hands to its user, the greatest real value first, the lower class
of equal ones. Integers are compared too: the C++ must give the graph's, and where it does not that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from isobit.build.folder import Build
from isobit.check.csim.beside import Compared, beside
from isobit.check.csim.classes import checked_labels, class_count, classifier, hits, ranking
from isobit.check.csim.compare import count_differences
from isobit.check.csim.last import build_digest, keep_record
from isobit.check.csim.predict import predictions, real_values
from isobit.check.csim.run import DEFAULT_TIMEOUT, own_samples
from isobit.check.csim.samples import SampleForm, as_integers
from isobit.check.source.level import OrtLevel
from isobit.errors import IsobitError, printable
from isobit.fewshot import head_of
from isobit.ir import Graph
from isobit.ir.ops import Output
from isobit.ir.types import IntArray

ACCURACY = "accuracy.json"
MOST_CONFUSED, MOST_LISTED = 64, 16
"""Classes up to which the confusion matrix is kept whole; samples that are listed where predictions differ."""


@dataclass(frozen=True)
class Score:
    """How many of the first ``samples`` (0: of all) one of them got right: the first class, and one of ``k``."""

    name: str
    top1: int
    topk: int
    samples: int = 0


@dataclass(frozen=True)
class Differing:
    """Of how many samples that both have two of them name another first class; the first :data:`MOST_LISTED`.

    ``reasons``: of graph and source the tie of each of these samples (:class:`isobit.check.source.verdict.Tie`), by
    its layer; "" for one that has none.
    """

    first: str
    second: str
    predictions: int
    samples: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Accuracy:
    """What was found; ``scores`` are of the C++, the graph, the RTL and a board where asked for, and the source unless
    ``note`` says why not.

    ``outputs`` integers of the C++ were compared with the graph's, ``mismatches`` differ. ``confusion`` counts samples
    by label (row) and the first class of the C++ (column); it is empty where there are more than
    :data:`MOST_CONFUSED` classes. ``others`` compares RTL and board likewise. ``build`` is the manifest's hash.
    """

    build: str
    samples: int
    classes: int
    k: int
    scores: tuple[Score, ...]
    differing: tuple[Differing, ...]
    outputs: int
    mismatches: int
    confusion: tuple[tuple[int, ...], ...] = ()
    note: str = ""
    others: tuple[Compared, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether every integer of the C++, the RTL and the board is the graph's."""
        return not self.mismatches and not any(o.mismatches for o in self.others)


def accuracy(
    build: Build, inputs: Any, labels: Any, *, topk: int = 5, output: str | None = None, source: bool = True,
    samples: SampleForm | None = None, ort_level: OrtLevel = "disabled", compiler: str | None = None,
    timeout: float = DEFAULT_TIMEOUT, torch: Any = (), rtl: int = 0, board: Any = None, exact: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Accuracy:  # fmt: skip
    """Classify ``inputs`` by the compiled C++, the graph and the source; kept as ``accuracy.json`` in the build.

    Args:
        inputs: a batch, as :func:`isobit.csim` takes it.
        labels: one class a sample, integers from 0.
        topk: the k of top-k, at most the number of classes.
        output: the model's name of the output that has the classes, where there are several; the label of an argmax in
            the fabric without it.
        source: also run the source (ONNX Runtime, qonnx or LiteRT).
        torch: a torch module of the same task, or ``file.py:factory``, or several: the float network, the exported one.
        rtl: how many of the samples go through the RTL in Verilator too.
        exact: how many of the samples the source is evaluated on in exact arithmetic, every output compared.
        board: what a board gave for the first samples, see :func:`isobit.check.csim.beside.of_board`.

    Raises:
        IsobitError: E604, E605, E607; CheckFailed: E606.
    """
    label = build.manifest.source.label
    node = classifier(build.graph, output or label or None)
    # the model's own values, of which the argmax in the fabric is one more output
    scored = next(o for o in build.graph.outputs if o.outside != label) if node.outside == label else node
    own = own_samples(build.graph, inputs, samples)
    modules = _modules(torch)
    classes = class_count(build.graph, node)
    truth = checked_labels(labels, len(next(iter(own.values()))), classes)
    integers = {n.name: as_integers(n, own[n.outside]) for n in build.graph.inputs}
    made = {
        "C++": predictions(build, integers, compiler=compiler, timeout=timeout, progress=progress),
        "graph": predictions(build, integers, graph=True, progress=progress),
    }
    more, others = beside(build, node, integers, made["graph"], min(rtl, len(truth)), board, timeout, progress)
    own_values = {name: real_values(node, outputs[node.name]) for name, outputs in made.items()} | more
    ranked = {name: ranking(build.graph, node, x) for name, x in own_values.items()}
    if exact:
        others += (_exactly(build, integers, own, min(exact, len(truth)), progress),)
    theirs, note = _of_source(build, node, own, ort_level, progress) if source else ({}, "not asked for")
    values = {name: outputs[scored.outside] for name, outputs in theirs.items()}
    values |= {f"torch, {name}": _of_module(m, name, build.graph, scored, own, progress) for name, m in modules.items()}
    ranked |= {name: ranking(build.graph, scored, x) for name, x in values.items()}
    k = max(min(topk, *(r.shape[1] for r in ranked.values())), 1)
    scores = tuple(Score(name, hits(r, truth, 1), hits(r, truth, k), len(r)) for name, r in ranked.items())
    differing = tuple(_differing(a, b, ranked[a][:, 0], ranked[b][:, 0]) for a, b in combinations(ranked, 2))
    differing = tuple(
        _explained(build, integers, own, d, progress) if d.first == "graph" and d.second in theirs and d.samples else d
        for d in differing
    )
    expected, got = made["graph"], made["C++"]
    result = Accuracy(
        build_digest(build), len(truth), classes, k, scores, differing,
        sum(x.size for x in expected.values()), sum(count_differences(expected[name], got[name]) for name in expected),
        _confusion(truth, ranked["C++"][:, 0], classes), note, others,
    )  # fmt: skip
    keep_record(build, ACCURACY, _adapter().dump_json(result))
    return result


def _differing(first: str, second: str, one: IntArray, other: IntArray) -> Differing:
    both = min(len(one), len(other))
    samples = np.flatnonzero(one[:both] != other[:both])
    return Differing(first, second, len(samples), tuple(int(i) for i in samples[:MOST_LISTED]))


def _explained(
    build: Build, integers: Mapping[str, IntArray], own: Mapping[str, Any], found: Differing,
    progress: Callable[[str], None],
) -> Differing:  # fmt: skip
    """The same with the ties that verdict 2 finds in these very samples."""
    from isobit.check.source.compare import check_source  # with the frontends: half a second to import

    chosen = list(found.samples)
    few, real = ({name: x[chosen] for name, x in arrays.items()} for arrays in (integers, own))
    ties = {tie.sample: tie.layer for tie in reversed(check_source(build, few, real, progress=progress).ties)}
    return replace(found, reasons=tuple(ties.get(number, "") for number in range(len(chosen)))) if ties else found


def _modules(given: Any) -> dict[str, Any]:
    """Modules, or the factories that make them, by what a table calls them."""
    listed = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    for one in listed:
        if not isinstance(one, str) and (isinstance(one, type) or not callable(getattr(one, "forward", None))):
            hint = "a torch module or file.py:factory, or several of them"
            raise IsobitError("E613", f"torch = {printable(repr(one))}", hint=hint)
    names = [one if isinstance(one, str) else type(one).__name__ for one in listed]
    return {
        printable(name if names.count(name) < 2 or isinstance(one, str) else f"{name} {number}"): one
        for number, (name, one) in enumerate(zip(names, listed, strict=True), 1)
    }


def _exactly(
    build: Build, integers: Mapping[str, IntArray], own: Mapping[str, Any], count: int, progress: Callable[[str], None]
) -> Compared:
    """The first ``count`` samples through the source in exact arithmetic."""
    from isobit.check.source.compare import check_exactly  # with the frontends: half a second to import

    first, given = ({name: x[:count] for name, x in arrays.items()} for arrays in (integers, own))
    return Compared("source in exact arithmetic", *check_exactly(build, first, given, progress))


def _of_module(
    module: Any, where: str, graph: Graph, node: Output, own: Mapping[str, Any], progress: Callable[[str], None]
) -> NDArray[Any]:
    """A torch module's outputs, which must be shaped as the build's."""
    from isobit.frontend.factories import load_module
    from isobit.train.running import module_outputs

    entry = next(iter(graph.inputs))
    if not np.issubdtype(own[entry.outside].dtype, np.floating):
        raise IsobitError("E607", "a torch module takes real values", where=where, hint="save the samples as float32")
    loaded, x = load_module(module) if isinstance(module, str) else module, own[entry.outside]
    made = module_outputs(loaded, x, lambda done: progress(f"running {where}: {done:,} of {len(x):,} samples"))
    if made.shape[1:] != node.outside_shape:
        what = f"it gives {made.shape[1:]}, the build {node.outside_shape}"
        raise IsobitError("E607", what, where=where, hint="a module of the same task")
    return made


def _of_source(
    build: Build, node: Output, own: Mapping[str, Any], level: OrtLevel, progress: Callable[[str], None]
) -> tuple[dict[str, Mapping[str, NDArray[Any]]], str]:
    """The source's own outputs under its name, or why there are none."""
    from isobit.check.source.run import source_outputs  # with the frontends: half a second to import

    head = head_of(build.graph)
    if head is not None and node is head.label:
        return {}, "the head is no part of the source"
    try:
        judge, outputs = source_outputs(build, own, level, progress)
    except IsobitError as error:
        if error.code not in ("E303", "E606"):
            raise
        return {}, error.message
    return {f"source, {judge}": outputs}, ""


def read_accuracy(build: Build) -> Accuracy | None:
    """The accuracy found last of this very build, None when there is none.

    Raises:
        IsobitError: E608 when the file is there and is not what :func:`accuracy` writes.
    """
    path = build.path / ACCURACY
    try:
        found = _adapter().validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise IsobitError(
            "E608", f"{ACCURACY} is not what isobit writes", where=printable(path), hint="run isobit accuracy again"
        ) from error
    return found if found.build == build_digest(build) else None


def _confusion(truth: IntArray, predicted: IntArray, classes: int) -> tuple[tuple[int, ...], ...]:
    if classes > MOST_CONFUSED:
        return ()
    counts = np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    return tuple(tuple(int(n) for n in row) for row in counts)


@cache
def _adapter() -> TypeAdapter[Accuracy]:
    """Made when a record is read or kept: it takes longer than to import this module."""
    return TypeAdapter(Accuracy)
