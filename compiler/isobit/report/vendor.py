"""Reports of the vendor's tools as numbers: Vitis HLS' ``csynth.xml`` and Vivado's ``report_utilization``.

Written against public files and parsers of others, for no vendor tool runs here; ``tests/report/test_vendor.py`` holds
the shapes that were seen. A file that has none of them is refused rather than half read.

* ``csynth.xml``: ``UserAssignments``, ``PerformanceEstimates`` and ``AreaEstimates/Resources`` of the top function
  (``DSP``, in older releases ``DSP48E``; block RAMs in halves, ``BRAM_18K``), and the same of every function under
  ``ModuleInformation`` where there is one;
* ``report_utilization``: the flat tables (``CLB LUTs`` or ``Slice LUTs``, ``CLB Registers`` or ``Slice Registers``,
  ``Block RAM Tile``, ``URAM``, ``DSPs``), or with ``-hierarchical`` one table with a row per instance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

from isobit.errors import IsobitError, printable

Stage = Literal["csynth", "synthesised", "placed"]
MOST_BYTES = 1 << 28
_COUNT = "[0-9]{1,15}"
"""A number as these files write it; longer ones, and other scripts' digits, are none."""


@dataclass(frozen=True)
class Used:
    """What a report says is used; ``bram36`` in 36-kbit blocks, of which halves are counted."""

    lut: int = 0
    ff: int = 0
    dsp: int = 0
    bram36: Fraction = Fraction(0)
    uram: int = 0


@dataclass(frozen=True)
class VendorReport:
    """A report: its tool, part and stage, the whole, and every module or instance by name.

    ``clock_ns`` is the period asked for and ``reached_ns`` the estimated one, ``interval`` and ``latency`` are in
    clocks; 0 where the report does not say.
    """

    tool: str
    part: str
    stage: Stage
    used: Used
    parts: Mapping[str, Used] = field(default_factory=dict)
    clock_ns: float = 0.0
    reached_ns: float = 0.0
    interval: int = 0
    latency: int = 0


def read_csynth(path: Path) -> VendorReport:
    """``csynth.xml`` or ``<top>_csynth.xml`` of Vitis HLS or Vivado HLS.

    Raises:
        IsobitError: E620 where it is no such file.
    """
    text = _text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise _unread(path, "it declares a document type, which these reports never do")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise _unread(path, str(error)) from error
    used = _resources(root.find("AreaEstimates/Resources"))
    if used is None:
        raise _unread(path, "it has no AreaEstimates/Resources with LUT and FF")
    modules = {}
    for module in root.iterfind("ModuleInformation/Module"):
        found = _resources(module.find("AreaEstimates/Resources"))
        if found is not None:
            modules[module.findtext("Name", "").strip()] = found
    overall = "PerformanceEstimates/SummaryOfOverallLatency/"
    version, part = (root.findtext(name, "").strip() for name in ("ReportVersion/Version", "UserAssignments/Part"))
    return VendorReport(
        printable(f"Vitis HLS {version}".strip()), printable(part), "csynth", used, modules,
        _float(root.findtext("UserAssignments/TargetClockPeriod")),
        _float(root.findtext("PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod")),
        _int(root.findtext(overall + "Interval-max")), _int(root.findtext(overall + "Worst-caseLatency")),
    )  # fmt: skip


def read_utilization(path: Path) -> VendorReport:
    """``report_utilization`` of Vivado, flat or hierarchical, as text.

    Raises:
        IsobitError: E620 where it is no such file.
    """
    text = _text(path)
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in _indented(text)]
    hierarchical = next((i for i, row in enumerate(rows) if row[:2] == ["Instance", "Module"]), None)
    if hierarchical is not None:
        used, parts = _instances(rows[hierarchical], rows[hierarchical + 1 :])
    else:
        used, parts = _flat(rows), {}
    if used is None:
        raise _unread(path, "it has no table of LUTs and registers")
    version, device, state = (_header(text, name) for name in ("Tool Version", "Device", "Design State"))
    placed = bool(re.search("placed|routed", state, re.IGNORECASE))
    stage: Stage = "placed" if placed else "synthesised"
    return VendorReport(printable(version or "Vivado"), printable(device), stage, used, parts)


def _indented(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line.lstrip().startswith("|"))


def _header(text: str, name: str) -> str:
    found = re.search(rf"^\|\s*{name}\s*:\s*(.*?)\s*$", text, re.MULTILINE)
    return found[1] if found else ""


_COLUMNS = {"Total LUTs": "lut", "FFs": "ff", "URAM": "uram", "DSP Blocks": "dsp", "DSP48 Blocks": "dsp"}
_FLAT = {
    "CLB LUTs": "lut", "Slice LUTs": "lut", "CLB Registers": "ff", "Slice Registers": "ff", "DSPs": "dsp",
    "URAM": "uram", "Block RAM Tile": "bram36",
}  # fmt: skip


def _instances(head: list[str], rows: list[list[str]]) -> tuple[Used | None, dict[str, Used]]:
    """The top's row and those of all instances, of a hierarchical table."""
    if not {"Total LUTs", "FFs"} <= set(head):
        return None, {}
    found: dict[str, Used] = {}
    top = None
    for row in rows:
        cells = dict(zip(head, row, strict=False))
        name = cells["Instance"].strip("() ")
        if len(row) != len(head) or not re.fullmatch(_COUNT, cells["Total LUTs"]) or cells["Instance"].startswith("("):
            continue
        numbers = {key: _int(cells.get(column)) for column, key in _COLUMNS.items() if column in cells}
        halves = Fraction(2 * _int(cells.get("RAMB36")) + _int(cells.get("RAMB18")), 2)
        used = Used(bram36=halves, **numbers)
        top = top or used
        found.setdefault(name, used)
        found.setdefault(cells["Module"], used)
    return top, found


def _flat(rows: list[list[str]]) -> Used | None:
    found: dict[str, Fraction] = {}
    for row in rows:
        key = _FLAT.get(row[0].rstrip("*"))
        if key and len(row) > 1 and re.fullmatch(rf"{_COUNT}(\.[0-9]{{1,9}})?", row[1]):
            found.setdefault(key, Fraction(row[1]))
    if not {"lut", "ff"} <= set(found):
        return None
    return Used(int(found["lut"]), int(found["ff"]), int(found.get("dsp", 0)), found.get("bram36", Fraction(0)),
                int(found.get("uram", 0)))  # fmt: skip


def _resources(node: ElementTree.Element | None) -> Used | None:
    if node is None or node.find("LUT") is None or node.find("FF") is None:
        return None
    dsp = node.findtext("DSP") or node.findtext("DSP48E")
    halves = Fraction(_int(node.findtext("BRAM_18K")), 2)
    return Used(_int(node.findtext("LUT")), _int(node.findtext("FF")), _int(dsp), halves, _int(node.findtext("URAM")))


def _int(text: str | None) -> int:
    """A count; 0 for what is left out or undefined (``undef``, ``-``, ``~0``)."""
    return int(text) if text and re.fullmatch(rf"\s*{_COUNT}\s*", text) else 0


def _float(text: str | None) -> float:
    return float(text) if text and re.fullmatch(rf"\s*{_COUNT}(\.[0-9]+)?\s*", text) else 0.0


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _unread(path, f"more than {MOST_BYTES >> 20} MiB")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unread(path, str(error)) from error


def _unread(path: Path, why: str) -> IsobitError:
    hint = "csynth.xml of Vitis HLS with --csynth, the text of report_utilization with --utilization"
    return IsobitError("E620", printable(why), where=printable(path), hint=hint)
