"""The parts of a design one by one: every unit and every FIFO as a small design of its own.

What a part is called in its design does not occur in its sources: equal layers are equal texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from isobit import templates
from isobit.backends.dataflow.design import Design, Process, Stream
from isobit.backends.dataflow.rtl.units import RTL_UNITS
from isobit.backends.dataflow.rtl.write import constant_files, fifo_style, module_texts, modules_of, parameters_of
from isobit.backends.ports import IntType
from isobit.hardware import Board
from isobit.hardware.board import Dsp

PART = "isobit_part"
"""The top module of a part, and the begin of the names of its files of constants."""
_Port = tuple[str, int, str]
Held = Mapping[str, str] | None
"""The modules of a build's own RTL, by file name; without them the templates are taken."""


@dataclass(frozen=True)
class PartPort:
    """A stream of a part's top module: ``NAME_data``, ``_valid``, ``_ready``, and with ``last`` ``_last``."""

    name: str
    bits: int
    is_input: bool
    last: bool = False


@dataclass(frozen=True)
class Part:
    """A unit, or with ``template`` ``fifo`` a stream.

    Its name in the design, the graph value it makes (or ""), its sources, file name to text, with the top module
    :data:`PART`, and that module's streams.
    """

    name: str
    template: str
    node: str
    texts: Mapping[str, str]
    ports: tuple[PartPort, ...] = ()

    def named(self, name: str) -> dict[str, str]:
        """The sources with another name for the top module, so that several parts can lie side by side."""
        return {file.replace(PART, name): text.replace(PART, name) for file, text in self.texts.items()}


def parts_of(design: Design, board: Board, held: Held = None) -> tuple[Part, ...]:
    """The units in the order of the design, then its FIFOs; ``held`` are the modules of a build's own RTL."""
    units = [
        Part(p.name, p.template, p.node, unit_texts(p, design, board.dsp, held), tuple(_streams(p, design)))
        for p in design.processes
    ]
    fifos = [_fifo(s.name, s.bits, s.depth, fifo_style(s, board), held) for s in design.streams]
    flags = [_fifo(name, 1, design.flag_depth, "auto", held) for name in design.flags]
    return (*units, *fifos, *flags)


def unit_texts(process: Process, design: Design, dsp: Dsp, held: Held = None) -> dict[str, str]:
    """The sources of one unit with its own constants, for a board with such DSP blocks."""
    arrays = tuple(replace(a, name=f"{PART}_{i}") for i, a in enumerate(process.arrays))
    own = replace(process, name="unit", arrays=arrays)
    modules = module_texts({"pipeline"} | modules_of(own.template), held)
    parameters = tuple(_of_yosys(_taken(parameters_of(own, dsp), modules)))
    text = _top("isobit_" + own.template, parameters, tuple(_ports(_streams(own, design))))
    return {f"{PART}.sv": text} | modules | dict(constant_files(own))


def _taken(parameters: Iterable[tuple[str, str]], modules: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Without where products are made, which the modules of an older build leave to the tool."""
    told = any("parameter USE_DSP" in text for text in modules.values())
    return ((key, text) for key, text in parameters if told or key != "USE_DSP")


def _of_yosys(parameters: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Constants that are to lie in LUTs: Yosys takes "distributed" for memories that are written alone."""
    for key, text in parameters:
        yield key, '"logic"' if key.endswith("_STYLE") and text == '"distributed"' else text


def _streams(process: Process, design: Design) -> Iterator[PartPort]:
    unit = RTL_UNITS[process.template]
    outside = {p.name for p in design.ports}
    for is_input, prefixes, wires in ((True, unit.inputs, process.inputs), (False, unit.outputs, process.outputs)):
        for prefix, wire in zip(prefixes, wires, strict=True):
            yield PartPort(prefix, _width(wire, design), is_input, wire in outside)


def _ports(streams: Iterable[PartPort]) -> Iterator[_Port]:
    for s in streams:
        there, back = ("input ", "output") if s.is_input else ("output", "input ")
        yield there, s.bits, f"{s.name}_data"
        if s.last:
            yield there, 1, f"{s.name}_last"
        yield there, 1, f"{s.name}_valid"
        yield back, 1, f"{s.name}_ready"


def _width(wire: str, design: Design) -> int:
    """Bits of a word of a stream, of a port, or of the stream of flags."""
    streams: dict[str, Stream] = {s.name: s for s in design.streams}
    if wire in streams:
        return streams[wire].bits
    return next((p.word_bits for p in design.ports if p.name == wire), 1)


def _fifo(name: str, bits: int, depth: int, style: str, held: Held) -> Part:
    streams = (PartPort("in", bits, True), PartPort("out", bits, False))
    parameters = (("WIDTH", str(bits)), ("DEPTH", str(depth)), ("STYLE", f'"{style}"'))
    top = _top("isobit_fifo", parameters, tuple(_ports(streams)), ("level",))
    return Part(name, "fifo", "", {f"{PART}.sv": top} | module_texts({"fifo"}, held), streams)


def _top(
    module: str, parameters: tuple[tuple[str, str], ...], ports: tuple[_Port, ...], unused: tuple[str, ...] = ()
) -> str:
    environment = templates.environment(templates.root() / "synth")
    context = {"top": PART, "module": module, "parameters": parameters, "ports": ports, "open_ports": unused}
    return environment.get_template("part.sv.j2").render(context)


@dataclass(frozen=True)
class Single:
    """A requantizer's module with the constants of one channel, an element a word.

    ``module``, ``parameters``: its name, and its parameters as SystemVerilog; ``types``: those of its process, by name;
    ``texts``: its sources.
    """

    module: str
    parameters: tuple[tuple[str, str], ...]
    types: Mapping[str, IntType]
    texts: Mapping[str, str]


def single_channel(process: Process, channel: int, dsp: Dsp, held: Held = None) -> Single:
    """One channel of a requantizer; its constants lie channel by channel, whatever the folding."""
    one = {"CHANNELS": 1, "PE": 1, "FOLDS": 1}
    channels = next(int(value) for key, value in process.constants if key == "CHANNELS")
    arrays = tuple(replace(a, values=a.values.reshape(channels, -1)[channel][None]) for a in process.arrays)
    own = replace(process, constants=tuple((k, one.get(k, v)) for k, v in process.constants), arrays=arrays)
    texts = module_texts({"pipeline"} | modules_of(process.template), held)
    parameters = tuple(_taken(parameters_of(own, dsp), texts))
    return Single("isobit_" + process.template, parameters, dict(process.types), texts)
