"""A recording of Vivado and Vitis HLS: Tcl runs in Python's own interpreter against the commands of ``vivado.toml``.

Unknown commands, switches, properties, pins and wrong numbers of arguments are errors, as is a block design that leaves
an input undriven, joins streams of different widths, or lets two register ranges overlap. What is recorded becomes the
``.hwh`` that the PYNQ package reads (:mod:`tests.pynq.hwh`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from isobit.build.folder import Build

_NO_TCL = "Python without _tkinter has no Tcl interpreter"
TABLE = tomllib.loads((Path(__file__).parent / "vivado.toml").read_text(encoding="utf-8"))
PRESENT_BOARDS = (
    "www.digilentinc.com:pynq-z1:part0:1.0", "tul.com.tw:pynq-z2:part0:1.0", "digilentinc.com:arty-z7-20:part0:1.1",
    "digilentinc.com:zedboard:part0:1.0", "xilinx.com:zcu104:part0:1.1", "xilinx.com:kv260_som:part0:1.3",
    "xilinx.com:kv260_som:part0:1.4", "avnet.com:ultra96v2:part0:1.2", "xilinx.com:zcu102:part0:3.4",
    "xilinx.com:kr260_som:part0:1.1", "realdigital.org:aup-zu3-8gb:part0:1.0", "xilinx.com:rfsoc2x2:part0:1.1",
    "realdigital.org:rfsoc4x2:part0:1.0",
)  # fmt: skip


class TclError(Exception):
    """Something the recorded tools refuse."""


@dataclass
class Cell:
    """An IP instance and its properties."""

    ip: str
    vlnv: str
    properties: dict[str, str]

    def there(self, condition: str) -> list[int]:
        """For which numbers a pin with this condition exists."""
        if not condition:
            return [0]
        value = int(self.properties.get(condition[1:], "0"))
        return list(range(value)) if condition[0] == "*" else [0] * (value == 1)

    def pins(self, kind: str) -> dict[str, tuple[str, ...]]:
        """Name to (direction, ...) of every pin or interface the cell has with its present properties."""
        found = {}
        for entry in TABLE["ip"][self.ip][kind]:
            words = entry.split()
            condition = words.pop() if words[-1][0] in "?*" else ""
            for number in self.there(condition):
                name = words[1] % number if "%" in words[1] else words[1]
                found[name] = (words[0], *words[2:])
        return found


@dataclass
class Recording:
    """What a script did. ``streams`` are the accelerator's ports: name to (is input, width in bits)."""

    streams: Mapping[str, tuple[bool, int]]
    folder: Path
    slack: str = "0.512"
    boards: tuple[str, ...] = PRESENT_BOARDS
    accelerator_built: bool = True
    accelerator_ip: str = "xilinx.com:hls:isobit_top"
    commands: list[tuple[str, ...]] = field(default_factory=list)
    cells: dict[str, Cell] = field(default_factory=dict)
    nets: list[tuple[str, ...]] = field(default_factory=list)
    buses: list[tuple[str, str]] = field(default_factory=list)
    addresses: dict[str, tuple[int, int]] = field(default_factory=dict)
    board_part: str = ""
    preset: str = ""
    valid: bool = False
    refused: str = ""

    def run(self, script: Path, tool: str) -> str:
        """Run a script; the interpreter's error message, or ""."""
        tkinter = pytest.importorskip("tkinter", reason=_NO_TCL)
        tcl = tkinter.Tcl()
        for name, rule in TABLE[tool].items():
            tcl.eval(f"namespace eval ::{name.rpartition('::')[0]} {{}}")
            tcl.createcommand(name, self._command(name, rule))
        tcl.createcommand("exit", lambda *_: "")
        tcl.createcommand("puts", lambda *_: "")
        tcl.eval(f"cd {{{script.parent}}}")
        try:
            tcl.eval(f"source {{{script}}}")
        except tkinter.TclError as error:
            return self.refused or str(error)
        return self.refused

    def _command(self, name: str, rule: Mapping[str, Any]) -> Callable[..., str]:
        def checked(*words: str) -> str:
            switches, rest = _switches(name, words, rule)
            lo, hi = rule["arguments"]
            if not lo <= len(rest) <= hi:
                raise TclError(f"{name}: {len(rest)} arguments {rest}")
            self.commands.append((name, *words))
            action = getattr(self, name.replace("::", "_"), None)
            return action(switches, *rest) if action else ""

        def call(*words: str) -> str:
            try:
                return checked(*words)
            except Exception as error:  # the interpreter passes on that there was one, not what it said
                self.refused = self.refused or (str(error) if isinstance(error, TclError) else repr(error))
                raise

        return call

    # Each method below is the Tcl command of its name.

    def get_board_parts(self, _: Any, pattern: str) -> str:
        wanted = re.escape(pattern).replace(r"\*", ".*")
        return " ".join(b for b in self.boards if re.fullmatch(wanted, b))

    def get_ipdefs(self, _: Any, pattern: str) -> str:
        assert pattern == f"{self.accelerator_ip}:*", pattern
        return f"{self.accelerator_ip}:1.0" if self.accelerator_built else ""

    def current_project(self, _: Any) -> str:
        return "project"

    def current_fileset(self, _: Any) -> str:
        return "sources_1"

    def set_property(self, switches: Mapping[str, str], *rest: str) -> str:
        if "-dict" in switches:
            pairs = self._list(rest[0])
            for name, value in zip(pairs[::2], pairs[1::2], strict=True):
                self._configure(rest[1], name, value)
        elif rest[0] == "board_part":
            if rest[1] not in self.boards:
                raise TclError(f"board part {rest[1]} is not installed")
            self.board_part = rest[1]
        elif rest[0] == "file_type":
            if rest[1] != "Memory Initialization Files":
                raise TclError(f"file type {rest[1]}")
        elif rest[0] not in ("ip_repo_paths", "top", *(("name", "version") if rest[2] == "core" else ())):
            raise TclError(f"property {rest[0]}")
        return ""

    def _configure(self, cell: str, name: str, value: str) -> None:
        found = self.cells[cell]
        legal = TABLE["ip"][found.ip]["properties"].get(name.removeprefix("CONFIG."))
        if not name.startswith("CONFIG.") or legal is None:
            raise TclError(f"{found.ip} has no property {name}")
        if legal and value not in legal:
            raise TclError(f"{found.ip}: {name} cannot be {value}")
        found.properties[name.removeprefix("CONFIG.")] = value

    def create_bd_cell(self, switches: Mapping[str, str], name: str) -> str:
        vendor, library, ip, _ = switches["-vlnv"].split(":")
        if name in self.cells or switches["-type"] != "ip":
            raise TclError(f"create_bd_cell {name}")
        if f"{vendor}:{library}:{ip}" == self.accelerator_ip:
            self.cells[name] = _accelerator(self.streams, self.accelerator_ip)
        elif (vendor, library) == ("xilinx.com", "ip") and ip in TABLE["ip"]:
            entry = TABLE["ip"][ip]
            self.cells[name] = Cell(ip, f"xilinx.com:ip:{ip}:{entry['version']}", dict(entry.get("defaults", {})))
        else:
            raise TclError(f"no IP {switches['-vlnv']}")
        return name

    def apply_bd_automation(self, switches: Mapping[str, str], cell: str) -> str:
        config = self._list(switches["-config"])
        self.preset = dict(zip(config[::2], config[1::2], strict=True))["apply_board_preset"]
        if switches["-rule"] != f"xilinx.com:bd_rule:{self.cells[cell].ip}":
            raise TclError(f"no rule {switches['-rule']} for {cell}")
        return ""

    def get_bd_cells(self, _: Any, name: str) -> str:
        if name not in self.cells:
            raise TclError(f"no cell {name}")
        return name

    def get_bd_pins(self, _: Any, name: str) -> str:
        return self._known(name, "pins")

    def get_bd_intf_pins(self, _: Any, name: str) -> str:
        return self._known(name, "interfaces")

    def _known(self, name: str, kind: str) -> str:
        cell, _, pin = name.partition("/")
        if cell not in self.cells or pin not in self.cells[cell].pins(kind):
            raise TclError(f"no such {kind[:-1]}: {name}")
        return name

    def get_bd_addr_spaces(self, _: Any, name: str) -> str:
        assert name == "ps/Data", name
        return name

    def get_bd_addr_segs(self, _: Any, name: str) -> str:
        cell, bus, segment = name.split("/")
        if segment != "Reg" or not any(bus.lower() == i.lower() for i in self.cells[cell].pins("interfaces")):
            raise TclError(f"no segment {name}")
        return name

    def connect_bd_net(self, _: Any, *pins: str) -> str:
        self.nets.append(pins)
        return ""

    def connect_bd_intf_net(self, _: Any, first: str, second: str) -> str:
        if (self._pin(first, "interfaces")[0], self._pin(second, "interfaces")[0]) != ("master", "slave"):
            raise TclError(f"{first} to {second}: not from a master to a slave")
        self.buses.append((first, second))
        return ""

    def _pin(self, name: str, kind: str) -> tuple[str, ...]:
        cell, _, pin = name.partition("/")
        return self.cells[cell].pins(kind)[pin]

    def assign_bd_address(self, switches: Mapping[str, str], *segment: str) -> str:
        if segment:
            assert switches["-target_address_space"] == "ps/Data" and switches["-range"] == "64K"
            self.addresses[segment[0].split("/")[0]] = (int(switches["-offset"], 16), 1 << 16)
        return ""

    def validate_bd_design(self, _: Any) -> str:
        checks = (self._undriven, self._mixed, self._unconnected, self._widths, self._overlaps)
        problems = [problem for check in checks for problem in check()]
        if problems:
            raise TclError("; ".join(problems))
        self.valid = True
        return ""

    def _undriven(self) -> list[str]:
        driven: dict[str, int] = {}
        for net in self.nets:
            sources = [p for p in net if self._pin(p, "pins")[0] == "out"]
            for pin in net:
                driven[pin] = driven.get(pin, 0) + len(sources)
        wanted = [f"{c}/{p}" for c, cell in self.cells.items() for p, d in cell.pins("pins").items() if d[0] == "in"]
        return [f"{pin} has {driven.get(pin, 0)} drivers" for pin in wanted if driven.get(pin, 0) != 1]

    def _mixed(self) -> list[str]:
        """A net carries a clock, a reset or a signal, to pins of that kind only."""
        return [f"{net[0]} and {pin} are on one net" for net in self.nets for pin in net if _kind(pin) != _kind(net[0])]

    def _unconnected(self) -> list[str]:
        ends = [end for bus in self.buses for end in bus]
        wanted = [f"{c}/{p}" for c, cell in self.cells.items() for p in cell.pins("interfaces")]
        return [f"{end} is connected {ends.count(end)} times" for end in wanted if ends.count(end) != 1]

    def _widths(self) -> list[str]:
        """A DMA's stream towards the accelerator has its width; its memory side is no narrower than its stream."""
        problems = []
        for first, second in self.buses:
            for dma, other, side in ((first, second, "mm2s"), (second, first, "s2mm")):
                if not other.startswith("accelerator/") or self._pin(other, "interfaces")[1] != "axis":
                    continue
                width = self.streams[other.partition("/")[2]][1]
                config = self.cells[dma.partition("/")[0]].properties
                if side == "mm2s" and int(config["c_m_axis_mm2s_tdata_width"]) != width:
                    problems.append(f"{dma} is not {width} bits wide")
                if int(config[f"c_m_axi_{side}_data_width"]) < width:
                    problems.append(f"{dma}: memory narrower than the stream")
        return problems

    def _overlaps(self) -> list[str]:
        ranges = sorted((*span, cell) for cell, span in self.addresses.items())
        problems = [f"{b[2]} overlaps {a[2]}" for a, b in pairwise(ranges) if a[0] + a[1] > b[0]]
        slaves = {s.partition("/")[0] for m, s in self.buses if m.startswith("control/")}
        return problems + [f"{cell} has no address" for cell in sorted(slaves - set(self.addresses))]

    def get_property(self, _: Any, name: str, run: str) -> str:
        assert run == "impl_1"
        return {"PROGRESS": "100%", "STATS.WNS": self.slack}[name]

    def get_files(self, _: Any, name: str) -> str:
        return name

    def get_runs(self, _: Any, name: str) -> str:
        return name

    def ipx_current_core(self, _: Any) -> str:
        return "core"

    def ipx_get_bus_interfaces(self, switches: Mapping[str, str], name: str) -> str:
        """The streams that the packager infers: those whose ports the top module has."""
        assert switches["-of_objects"] == "core"
        tops = [
            Path(f).read_text()
            for c in self.commands
            if c[0] == "add_files"
            for f in self._list(c[-1])
            if f.endswith(".v")
        ]
        return name if any(f"wire {name}_TVALID" in text for text in tops) else ""

    def make_wrapper(self, switches: Mapping[str, str]) -> str:
        return "overlay_wrapper.v" if "-top" in switches else ""

    def wait_on_run(self, _: Any, run: str) -> str:
        """The files that a real run leaves."""
        assert self.valid
        for name in (
            f"overlay.runs/{run}/overlay_wrapper.bit",
            "overlay.gen/sources_1/bd/overlay/hw_handoff/overlay.hwh",
        ):
            path = self.folder / "vivado" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"not a bitstream")
        return ""

    def _list(self, text: str) -> list[str]:
        tkinter = pytest.importorskip("tkinter", reason=_NO_TCL)

        return [str(x) for x in tkinter.Tcl().tk.splitlist(text)]


def streams(build: Build) -> dict[str, tuple[bool, int]]:
    """The ports of a build, as a recording takes them."""
    return {p.name: (p.is_input, p.word_bits) for p in build.ports}


def recorded(build: Build, folder: Path, **given: object) -> tuple[str, Recording]:
    """Run a package's build.tcl; the error message and what was recorded."""
    recording = Recording(streams(build), folder, **given)  # type: ignore[arg-type]
    return recording.run(folder / "build.tcl", "vivado"), recording


def _kind(pin: str) -> str:
    name = pin.partition("/")[2].lower()
    return "reset" if re.search("rst|reset", name) else "clock" if "clk" in name else "signal"


def _switches(name: str, words: tuple[str, ...], rule: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The switches of a command with their values, and its other arguments."""
    switches: dict[str, str] = {}
    rest: list[str] = []
    todo = list(words)
    while todo:
        word = todo.pop(0)
        if word in rule.get("values", ()):
            if not todo:
                raise TclError(f"{name} {word} needs a value")
            switches[word] = todo.pop(0)
        elif word in rule.get("flags", ()):
            switches[word] = ""
        elif re.match(r"-[a-zA-Z]", word):
            raise TclError(f"{name} has no switch {word}")
        else:
            rest.append(word)
    return switches, rest


def _accelerator(streams: Mapping[str, tuple[bool, int]], vlnv: str) -> Cell:
    TABLE["ip"]["isobit_top"] = {
        "pins": ["in ap_clk", "in ap_rst_n"],
        "interfaces": [f"{'slave' if is_input else 'master'} {name} axis" for name, (is_input, _) in streams.items()],
        "properties": {},
    }
    return Cell("isobit_top", f"{vlnv}:1.0", {})
