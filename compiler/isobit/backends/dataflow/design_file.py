"""``design.json``: a build's design as a file, and the checks that make a file a design again.

The file is :class:`~isobit.backends.dataflow.design.Design` field by field; arrays as
:mod:`isobit.backends.dataflow.packed` writes them. What is read back equals what was written. It may have been edited:
behind :func:`read_design` every name is an identifier, every stream has one writer and one reader that comes later,
every process has the constants, types, arrays and words of its template, every port the numbers of its process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from isobit.backends.dataflow.catalogue.check import misfits
from isobit.backends.dataflow.design import Design, Process
from isobit.backends.dataflow.edges import port_constants
from isobit.backends.ports import CONTAINERS, Port
from isobit.errors import IsobitError, printable
from isobit.wording import worded

DESIGN = "design.json"
_DESIGN: TypeAdapter[Design] = TypeAdapter(Design)


def design_text(design: Design) -> str:
    """The design as JSON."""
    return _DESIGN.dump_json(design, indent=1).decode("utf-8") + "\n"


def read_design(path: Path) -> Design:
    """The design in a file.

    Raises:
        IsobitError: E608 when it is no design, or contradicts itself.
    """
    try:
        design = _DESIGN.validate_json(path.read_bytes(), strict=True)
    except (OSError, RecursionError) as error:
        raise _damaged(path, printable(error)) from error
    except ValidationError as error:
        raise _damaged(path, worded(error.errors()[0])) from error
    except IsobitError as error:  # a promise that holds for what isobit makes
        raise _damaged(path, f"{error.where}: {error.message}") from error
    problem = next(contradictions(design), None)
    if problem is not None:
        raise _damaged(path, problem)
    return design


def _damaged(path: Path, what: str) -> IsobitError:
    return IsobitError("E608", what, where=printable(path), hint="compile again")


def contradictions(design: Design) -> Iterator[str]:
    """What cannot be true of a design, in words; behind the first thing others may follow from it."""
    ports, inner = {p.name: p for p in design.ports}, [*(s.name for s in design.streams), *design.flags]
    names = Counter([*ports, *inner])
    twice = [name for name, count in names.items() if count > 1]
    twice += [name for name, count in Counter(p.name for p in design.processes).items() if count > 1]
    if twice:
        yield f"{twice[0]} is there twice"
    written, read = {p.name for p in design.inputs}, set[str]()
    elements = {s.name: (s.elem, s.lanes) for s in design.streams}
    for process in design.processes:
        yield from misfits(process, elements)
        yield from _misuses(process, written - read, names.keys() - written)
        read |= set(process.inputs)
        written |= set(process.outputs)
        for name in {*process.inputs, *process.outputs} & ports.keys():
            yield from _port_problems(ports[name], process)
    loose = (names.keys() - written) | ((written - read) ^ {p.name for p in design.outputs})
    if loose:
        yield f"{min(loose)} is not written once and read once"
    if design.interval < 1 or design.latency < 1:
        yield f"an interval of {design.interval} clocks and a latency of {design.latency}"


def _misuses(process: Process, readable: set[str], writable: set[str]) -> Iterator[str]:
    for names, free, what in ((process.inputs, readable, "reads"), (process.outputs, writable, "writes")):
        wrong = next((n for n in names if n not in free), None)
        if wrong is not None or len(set(names)) != len(names):
            yield f"{process.name} {what} {printable(wrong or names[0])}, which it cannot"


def _port_problems(port: Port, process: Process) -> Iterator[str]:
    """A port is as wide as the process behind it says."""
    has = dict(process.constants)
    said = dict(port_constants(port))
    if any(has.get(key) != value for key, value in said.items()) or dict(process.types).get("elem_t") != port.elem:
        yield f"port {port.name} and {process.name} disagree"
    if port.elem_bits not in CONTAINERS or port.elem.bits > port.elem_bits or not port.whole:
        yield f"port {port.name}: {port.lanes} elements of {port.elem} in {port.word_bits} bits, {port.frame} a frame"
