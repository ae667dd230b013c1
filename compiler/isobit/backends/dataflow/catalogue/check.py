"""A process against the record of its template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from isobit.backends.dataflow.catalogue import CATALOGUE, numbers
from isobit.backends.dataflow.catalogue.template import StreamOf, Template
from isobit.backends.dataflow.design import Array, Process
from isobit.backends.dataflow.schedule import Constants
from isobit.backends.ports import IntType
from isobit.errors import printable


def misfits(process: Process, streams: Mapping[str, tuple[IntType, int]]) -> Iterator[str]:
    """What ``process`` has that its template does not, in words; nothing when all is well.

    Args:
        streams: type and lanes of the streams inside the design, by name; flags and ports are not looked up.
    """
    template = CATALOGUE.get(process.template)
    if template is None:
        yield f"there is no template {printable(process.template)}"
        return
    wrong = _names(template, process) or _counts(template, process)
    if wrong:
        yield f"{process.name}: {template.name} has other {wrong}"
        return
    constants, types = numbers(process), dict(process.types)
    try:
        for name, port in zip(
            (*process.inputs, *process.outputs), (*template.reads, *template.writes), strict=True
        ):  # fmt: skip
            if not _fits(streams.get(name), port, constants, types):
                yield f"{process.name}: the words of {name} are not those of {template.name}"
        for array, record in zip(process.arrays, template.arrays, strict=False):
            if array.values.shape != record.shape(constants) or not _holds(
                types[record.coded if record.coded in types else record.elem], array
            ):
                yield f"{process.name}: {array.name} is not what {template.name} takes"
    except (KeyError, ZeroDivisionError) as error:
        yield f"{process.name}: constants that {template.name} cannot have ({error})"


def _names(template: Template, process: Process) -> str:
    """Which of its names are not the template's."""
    for what, given, known in (
        ("constants", [k for k, _ in process.constants], template.constants),
        ("types", [k for k, _ in process.types], template.types),
    ):
        needed = {name for name in known if name not in template.optional}
        if len(set(given)) != len(given) or not needed <= set(given) <= set(known):
            return what
    return ""


def _counts(template: Template, process: Process) -> str:
    optional = sum(array.elem in template.optional for array in template.arrays)
    if (len(process.inputs), len(process.outputs)) != (len(template.reads), len(template.writes)):
        return "ports"
    return "" if len(template.arrays) - optional <= len(process.arrays) <= len(template.arrays) else "arrays"


def _fits(
    found: tuple[IntType, int] | None, port: StreamOf, constants: Constants, types: Mapping[str, IntType]
) -> bool:
    if port.elem in ("flag", "axis"):
        return found is None
    return found == (types[port.elem], port.lanes(constants))


def _holds(elem: IntType, array: Array) -> bool:
    return array.elem == elem
