"""What of a file isobit reads, operator by operator, without stopping at the first it does not.

Every operator is imported as :mod:`isobit.frontend.qonnx.importer` does it. One that is refused is written down with
the refusal's own words, and its outputs are unknown from there on: what hangs on them is *behind* it, and not judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.onnx.model import SourceModel, SourceNode
from isobit.frontend.qonnx.importer import Import
from isobit.frontend.qonnx.input_type import InputType
from isobit.frontend.qonnx.quantise_first import quantised_first
from isobit.frontend.tflite.model import is_tflite

Status = Literal["exact", "refused", "behind"]


@dataclass(frozen=True)
class Checked:
    """One operator, or one output of the graph (``op`` is then "output").

    ``exact``: read, with an exact integer meaning. ``refused``: ``code``, ``why`` and ``hint`` say why not. ``behind``:
    it reads what a refused operator makes.
    """

    name: str
    op: str
    status: Status
    code: str = ""
    why: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Coverage:
    """All operators in an order of execution, and whether the whole file compiles to an integer graph."""

    operators: tuple[Checked, ...]

    @property
    def reads(self) -> bool:
        return all(o.status == "exact" for o in self.operators)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """By operator and status, how many."""
        found: dict[str, Counter[str]] = {}
        for one in self.operators:
            found.setdefault(one.op, Counter())[one.status] += 1
        return {op: dict(sorted(found[op].items())) for op in sorted(found)}


def check_model(path: Path, input_type: InputType | None = None) -> Coverage:
    """The coverage of an ONNX, QONNX or TFLite file.

    Raises:
        IsobitError: E1xx, and E2xx of the loader, when not even the graph can be read.
    """
    if is_tflite(path):
        return _check_tflite(path)
    model = load_onnx(path)
    as_it_is = _check_onnx(model, path, input_type)
    moved = model if as_it_is.reads else quantised_first(model)
    return as_it_is if moved is model else _check_onnx(moved, path, input_type)


def _check_onnx(model: SourceModel, path: Path, input_type: InputType | None) -> Coverage:
    work = Import(model, input_type)
    lost: set[str] = set()
    found = _whole(printable(path.name), work.refuse_early)
    found += [_checked(work, node, lost) for node in work.model.nodes]
    for info in work.model.outputs:
        label = printable(info.label)
        if info.name in lost:
            found.append(Checked(label, "output", "behind"))
            continue
        try:
            work.output(info)
            found.append(Checked(label, "output", "exact"))
        except IsobitError as error:
            found.append(_refused(label, "output", error))
    return Coverage(tuple(found))


def _check_tflite(path: Path) -> Coverage:
    from isobit.frontend.tflite.early import refuse_early  # the format's reader: other files do without
    from isobit.frontend.tflite.file import load_tflite
    from isobit.frontend.tflite.importer import begin, import_operator, import_output

    model = load_tflite(path)
    b, lost = begin(model), set[int]()
    found = _whole(printable(model.path), lambda: refuse_early(model))
    for op in model.operators:
        if lost.intersection(op.inputs):
            lost.update(op.outputs)
            found.append(Checked(op.where, op.op, "behind"))
            continue
        try:
            import_operator(b, op)
            found.append(Checked(op.where, op.op, "exact"))
        except IsobitError as error:
            lost.update(op.outputs)
            found.append(_refused(op.where, op.op, error))
    for index in model.outputs:
        label = printable(model.tensors[index].name)
        try:
            if index not in lost:
                import_output(b, index)
            found.append(Checked(label, "output", "behind" if index in lost else "exact"))
        except IsobitError as error:
            found.append(_refused(label, "output", error))
    return Coverage(tuple(found))


def _whole(path: str, refuse: Callable[[], None]) -> list[Checked]:
    """What the whole file is says more than what its operators lack."""
    try:
        refuse()
    except IsobitError as error:
        return [_refused(error.where or path, "file", error)]
    return []


def _checked(work: Import, node: SourceNode, lost: set[str]) -> Checked:
    name, op = printable(node.name), printable(node.op)
    if lost.intersection(node.inputs):
        lost.update(node.outputs)
        return Checked(name, op, "behind")
    try:
        work.node(node)
    except IsobitError as error:
        lost.update(node.outputs)
        return _refused(name, op, error)
    return Checked(name, op, "exact")


def _refused(name: str, op: str, error: IsobitError) -> Checked:
    return Checked(name, op, "refused", error.code, error.message, error.hint)
