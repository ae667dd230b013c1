"""Counts and logic depth of a netlist that ``synth_xilinx`` mapped, from what Yosys writes as JSON.

A LUT with memory counts as the LUTs that it occupies (a RAM64M four), one of a shift register as one, an inverter as
none: it goes into a neighbour. Depth is the longest way between registers, memories, DSP blocks and ports, in levels: a
LUT is one, a carry chain one where a way enters it, however long it is; wide multiplexers (MUXF7, MUXF8) are none. A
DSP block without any register is one level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from isobit.errors import IsobitError, printable, promised

_LUTRAM = {
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8, "RAM32X1D": 2, "RAM64X1D": 2,
    "RAM128X1D": 4, "RAM256X1D": 8, "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM32X16DR8": 8,
    "RAM64X8SW": 8,
}  # fmt: skip
_SHIFT = ("SRL16E", "SRLC16E", "SRLC32E")
_BRAM18 = {"RAMB18E1": 1, "RAMB18E2": 1, "RAMB36E1": 2, "RAMB36E2": 2}
_REGISTERED_DSP = ("AREG", "BREG", "CREG", "DREG", "MREG", "PREG")
_FREE = ("INV", "MUXF7", "MUXF8", "MUXF9")
_NOTE = "$scopeinfo"


@dataclass(frozen=True)
class Counts:
    """What a netlist takes; ``bram18`` in 18-kbit blocks; ``depth`` in levels of logic."""

    lut: int = 0
    ff: int = 0
    carry: int = 0
    dsp: int = 0
    bram18: int = 0
    uram: int = 0
    depth: int = 0

    def __add__(self, other: Counts) -> Counts:
        mine, theirs = asdict(self), asdict(other)
        sums = {key: mine[key] + theirs[key] for key in mine}
        return Counts(**sums | {"depth": max(self.depth, other.depth)})

    @property
    def bram36(self) -> float:
        """Block RAMs as Vivado counts them: half ones are possible."""
        return self.bram18 / 2


def module_of(netlist: Mapping[str, Any], top: str) -> str:
    """The name of the module ``top`` in a netlist: Yosys may append the place of its one instance.

    Raises:
        IsobitError: E618 when the netlist has no such module.
    """
    name = next((n for n in netlist["modules"] if n == top or n.startswith(f"{top}$")), None)
    if name is None:
        raise IsobitError("E618", f"Yosys' netlist has no module {printable(top)}")
    return str(name)


def counts(netlist: Mapping[str, Any], top: str) -> Counts:
    """What the flat module ``top`` of a netlist takes.

    Raises:
        IsobitError: E618 when the netlist has no such module, E901 for a cell that is not counted.
    """
    cells = [c for c in netlist["modules"][module_of(netlist, top)]["cells"].values() if c["type"] != _NOTE]
    total = Counts(depth=_depth(cells))
    for cell in cells:
        total += _one(cell["type"])
    return total


def _one(kind: str) -> Counts:
    if kind.startswith("LUT"):
        return Counts(lut=1)
    if kind in _SHIFT or kind in _LUTRAM:
        return Counts(lut=_LUTRAM.get(kind, 1))
    if kind.startswith("FD"):
        return Counts(ff=1)
    if kind.startswith("CARRY"):
        return Counts(carry=1)
    if kind.startswith("DSP48"):
        return Counts(dsp=1)
    if kind in _BRAM18:
        return Counts(bram18=_BRAM18[kind])
    if kind.startswith("URAM"):
        return Counts(uram=1)
    promised(kind in _FREE, f"a cell that is not counted: {kind}")
    return Counts()


# ---------------------------------------------------------------- depth


_Edge = tuple[Any, int]
"""A net that an output follows from, and the levels between them."""


def _depth(cells: list[Mapping[str, Any]]) -> int:
    """The longest way through combinational cells; nets are numbers, constants text."""
    edges: dict[Any, list[_Edge]] = {}
    for cell in cells:
        for output, inputs in _ways(cell):
            edges[output] = inputs
    known: dict[Any, int] = {}
    for net in edges:
        _follow(net, edges, known)
    return max(known.values(), default=0)


def _follow(net: Any, edges: Mapping[Any, list[_Edge]], known: dict[Any, int]) -> None:
    """The level of ``net`` and of all that it follows from, without recursion."""
    waiting, begun = [net], set()
    while waiting:
        one = waiting[-1]
        if one in known or one not in edges:
            known.setdefault(one, 0)
            waiting.pop()
        elif one in begun:
            known[one] = max((known[source] + levels for source, levels in edges[one]), default=0)
            waiting.pop()
        else:
            begun.add(one)
            for source, _ in edges[one]:
                promised(source not in begun or source in known, "a loop of logic without a register")
                waiting.append(source)


def _ways(cell: Mapping[str, Any]) -> Iterator[tuple[Any, list[_Edge]]]:
    """The outputs of a cell that follow from its inputs within a clock, and from which."""
    kind, pins = cell["type"], cell["connections"]
    if kind.startswith("CARRY"):
        yield from _carried(pins)
    elif kind.startswith("LUT") or kind in _FREE:
        levels = int(kind.startswith("LUT"))
        yield pins["O"][0], [(b, levels) for name, bits in pins.items() if name != "O" for b in bits]
    elif kind in _SHIFT:
        address = [b for name, bits in pins.items() if name.startswith("A") for b in bits]
        yield pins["Q"][0], [(b, 1) for b in address]
    elif kind in _LUTRAM:
        address = [(b, 1) for name, bits in pins.items() if name.startswith(("A", "DPRA")) for b in bits]
        yield from ((b, address) for name in _outputs(cell) for b in pins[name])
    elif kind.startswith("DSP48") and not _registered(cell):
        taken = [(b, 1) for name in ("A", "B", "C", "D", "PCIN") for b in pins.get(name, ())]
        yield from ((b, taken) for b in (*pins.get("P", ()), *pins.get("PCOUT", ())))


def _carried(pins: Mapping[str, list[Any]]) -> Iterator[tuple[Any, list[_Edge]]]:
    """Every sum and carry follows from the bits up to its own."""
    below: list[_Edge] = [(b, 0) for b in pins.get("CI", ())] + [(b, 1) for b in pins.get("CYINIT", ())]
    for i, (select, data) in enumerate(zip(pins["S"], pins["DI"], strict=True)):
        yield pins["O"][i], [*below, (select, 1)]
        below = [*below, (select, 1), (data, 1)]
        yield pins["CO"][i], below


def _outputs(cell: Mapping[str, Any]) -> list[str]:
    ways = cell.get("port_directions", {})
    return [name for name in cell["connections"] if ways.get(name) == "output"]


def _registered(cell: Mapping[str, Any]) -> bool:
    return any(int(str(cell["parameters"].get(name, "0")), 2) for name in _REGISTERED_DSP)
