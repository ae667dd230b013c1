"""A design as SystemVerilog: the top module, and the constants that are too many for it in files of their own.

Everything is the design's: processes become instances, streams FIFOs of their planned depths, constants parameters. Two
writes of one design are the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from isobit import templates
from isobit.backends.dataflow.design import Array, Design, Process, Stream
from isobit.backends.dataflow.rtl.memories import memory_styles
from isobit.backends.dataflow.rtl.multipliers import multiplier_styles
from isobit.backends.dataflow.rtl.units import PLACES, ROUNDINGS, RTL_UNITS
from isobit.errors import IsobitError
from isobit.hardware import Board, fifo_storage
from isobit.hardware.board import Dsp
from isobit.ir.types import IntArray
from isobit.version import __version__

LITERAL_BITS = 4096
"""Arrays up to this size are parameters; larger ones lie in files where their module can read one."""
SHIFTED = 32
"""Words up to which a FIFO is a shift register."""
_ALWAYS = ("fifo", "pipeline")
_AT_ONCE = 1 << 20
"""Constants that are packed together: a byte or more for each of their bits."""


@dataclass(frozen=True)
class _Connection:
    """A port of an instance, and what it is wired to."""

    port: str
    wire: str


@dataclass(frozen=True)
class _Instance:
    module: str
    name: str
    parameters: tuple[tuple[str, str], ...]
    connections: tuple[_Connection, ...]


def render_rtl(design: Design, board: Board, title: str) -> dict[str, str]:
    """The generated files: path to text. ``title`` is shown in comments only."""
    environment = templates.environment(templates.root() / "rtl")
    environment.filters["fifo_style"] = lambda s: fifo_style(s, board)
    context = {
        "design": design, "title": templates.comment_text(title), "version": __version__,
        "instances": [_instance(p, design, board.dsp) for p in design.processes],
        "nodes": node_streams(design),
    }  # fmt: skip
    texts = {name: environment.get_template(name + ".j2").render(context) for name in ("top.sv",)}
    for process in design.processes:
        texts |= dict(constant_files(process))
    return texts


def rtl_files(design: Design, board: Board, title: str) -> dict[str, str]:
    """All sources of ``design``, which has the FIFOs of its RTL (:func:`.timing.rtl_design`): path to text."""
    return render_rtl(design, board, title) | rtl_modules(design)


def rtl_modules(design: Design) -> dict[str, str]:
    """The copied modules that the design uses: path to text."""
    return module_texts({*_ALWAYS}.union(*(modules_of(p.template) for p in design.processes)))


def modules_of(template: str) -> set[str]:
    """The modules that a template's needs, itself included."""
    unit = RTL_UNITS[template]
    return {unit.file, *unit.parts}


def module_texts(names: Iterable[str], held: Mapping[str, str] | None = None) -> dict[str, str]:
    """Modules by file name: those that a build holds, else the templates.

    Raises:
        IsobitError: E608 when a build does not hold one.
    """
    files = [f"isobit_{name}.sv" for name in sorted(names)]
    if held is None:
        return {file: (templates.root() / "rtl" / file).read_text(encoding="utf-8") for file in files}
    for file in files:
        if file not in held:
            raise IsobitError("E608", f"the build's RTL has no {file}", hint="compile again")
    return {file: held[file] for file in files}


def node_streams(design: Design) -> list[tuple[str, Stream]]:
    """The stream that carries each graph value, in the order of the processes."""
    by_name = {s.name: s for s in design.streams}
    return [(p.node, by_name[p.outputs[0]]) for p in design.processes if p.node]


def fifo_style(stream: Stream, board: Board) -> str:
    """Where a FIFO lies, in the attribute's word; one that is a shift register has no memory."""
    return PLACES[fifo_storage(stream.depth, stream.bits, board)] if stream.depth > SHIFTED else "auto"


# ---------------------------------------------------------------- instances


def _instance(process: Process, design: Design, dsp: Dsp) -> _Instance:
    unit = RTL_UNITS[process.template]
    ports = {p.name for p in design.ports}
    pairs = [*zip(unit.inputs, process.inputs, strict=True), *zip(unit.outputs, process.outputs, strict=True)]
    sides = ["out"] * len(process.inputs) + ["in"] * len(process.outputs)
    connections = [c for (port, wire), side in zip(pairs, sides, strict=True) for c in _wires(port, wire, side, ports)]
    return _Instance(
        "isobit_" + process.template, "p_" + process.name, tuple(parameters_of(process, dsp)), tuple(connections)
    )


def _wires(port: str, wire: str, side: str, ports: set[str]) -> Iterator[_Connection]:
    """A FIFO's ``side`` of a stream, or an AXI port."""
    if wire in ports:
        for signal, name in (("data", "TDATA"), ("last", "TLAST"), ("valid", "TVALID"), ("ready", "TREADY")):
            yield _Connection(f"{port}_{signal}", f"{wire}_{name}")
    else:
        for signal in ("data", "valid", "ready"):
            yield _Connection(f"{port}_{signal}", f"{wire}_{side}_{signal}")


def parameters_of(process: Process, dsp: Dsp) -> Iterator[tuple[str, str]]:
    """A process's module parameters, name and SystemVerilog text; ``dsp`` is the kind of the board's DSP blocks."""
    unit = RTL_UNITS[process.template]
    for key, value in process.constants:
        number = ROUNDINGS.index(value.removeprefix("isobit::")) if isinstance(value, str) else int(value)
        wide = key in ("LO", "HI", "VALUE") and process.template != "lookup"  # 64 bits in the modules
        yield key, f"{'-' * (number < 0)}64'sd{abs(number)}" if wide else str(number)
    for key, kind in process.types:
        yield key.upper(), str(kind.bits)
        yield key.upper() + "_SIGNED", str(int(kind.signed))
    if process.memory:
        yield "MEMORY", f'"{PLACES[process.memory]}"'
    yield from multiplier_styles(process, dsp)
    yield from memory_styles(process)
    for name, array in zip(unit.arrays, process.arrays, strict=False):
        if process.template == "lookup":
            yield "TABLE_FILE", f'"{_stem(array)}_"'
            continue
        large = name in unit.in_files and _large(array)
        yield (f"{name}_FILE", f'"{_stem(array)}.hex"') if large else (name, _literal(array))
        if name in unit.in_files:
            yield f"{name}_STYLE", f'"{PLACES[array.storage]}"'


def _stem(array: Array) -> str:
    return "c_" + array.name


def _large(array: Array) -> bool:
    """Several rows, too many bits for a parameter; a single row is always one: it may become part of the logic."""
    return len(array.values) > 1 and array.values.size * array.elem.bits > LITERAL_BITS


# ---------------------------------------------------------------- constants


def _rows(values: IntArray, bits: int) -> Iterator[str]:
    """Rows of elements of ``bits`` bits as hexadecimal digits: the first lowest, two's complement, none between."""
    digits = (values.shape[1] * bits + 3) // 4
    if bits >= 64:
        mask = (1 << bits) - 1
        for row in values:
            binary = "".join(format(int(v) & mask, f"0{bits}b") for v in row[::-1])
            yield format(int(binary, 2), f"0{digits}x")
        return
    size = next(size for size in (1, 2, 4, 8) if 8 * size >= bits)
    at_once = max(_AT_ONCE // values.shape[1], 1)
    for first in range(0, len(values), at_once):
        few = values[first : first + at_once].astype(np.int64).astype(f"<i{size}")
        each = np.unpackbits(few.view(np.uint8).reshape(*few.shape, size), axis=2, bitorder="little")[:, :, :bits]
        packed = np.packbits(each.reshape(len(few), -1), axis=1, bitorder="little")
        for row in packed[:, ::-1]:
            yield row.tobytes().hex()[-digits:]


def _literal(array: Array) -> str:
    values = array.values.reshape(1, -1)
    width = values.size * array.elem.bits
    return f"{width}'h{next(_rows(values, array.elem.bits)).lstrip('0') or '0'}"


def constant_files(process: Process) -> Iterator[tuple[str, str]]:
    """The files of constants of a process: name and text."""
    unit = RTL_UNITS[process.template]
    for name, array in zip(unit.arrays, process.arrays, strict=False):
        if process.template == "lookup":
            yield from _tables(process, array)
        elif name in unit.in_files and _large(array):
            yield f"{_stem(array)}.hex", _lines(array.values.reshape(len(array.values), -1), array.elem.bits)


def _lines(rows: IntArray, bits: int) -> str:
    return "".join(f"{row}\n" for row in _rows(rows, bits))


def _tables(process: Process, array: Array) -> Iterator[tuple[str, str]]:
    """A lane's tables ``(rows, entries)`` one after the other, each filled up to a power of two."""
    size = array.values.shape[-1]
    full = 1 << max((size - 1).bit_length(), 1)
    for lane in range(array.values.shape[1]):
        rows = array.values[:, lane]
        padded = np.zeros((len(rows), full), dtype=rows.dtype)
        padded[:, :size] = rows
        rows_of_two = 1 << (len(rows) - 1).bit_length() if len(rows) > 1 else 1
        whole = np.zeros((rows_of_two, full), dtype=rows.dtype)
        whole[: len(rows)] = padded
        yield f"{_stem(array)}_{lane:02d}.hex", _lines(whole.reshape(-1, 1), array.elem.bits)
