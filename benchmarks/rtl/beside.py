"""Our units beside what others' syntheses gave for like circuits: LUTs a multiplication, windows, requantizers.

    pip install -e .[synth]
    python benchmarks/rtl/beside.py                       # counts ours: benchmarks/rtl/beside.jsonl
    python benchmarks/rtl/beside.py --write docs/rtl.md   # the tables, from the two data files

Theirs (``published.toml``) are after Vivado's place and route, ours as Yosys maps them: a scale, not a race. The error
of our estimate against theirs is of rows that a factor was not fitted to.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import counted
import points
from points import Point

from isobit.backends.dataflow.catalogue import cost
from isobit.check.synth.yosys import find_yosys
from isobit.hardware import Cost, Memory
from isobit.numerics.packing import Packing

HERE = Path(__file__).parent
DATA, PUBLISHED = HERE / "beside.jsonl", HERE / "published.toml"
BEGIN, END = "<!-- beside: begin -->", "<!-- beside: end -->"
FAN_IN, OUTPUTS, SIMD, PE = 64, 32, 8, 4
SPACING, CHAIN = 18, 4
"""Of two products of 8 bits in a DSP48E2, as the planner packs them."""
ACC = 24
BATCH = 4


def published() -> dict[str, Any]:
    """The figures of others."""
    return tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))


# ---------------------------------------------------------------- what is counted


def matrix(bits: int, dsp: str) -> Point:
    """32 products a clock; of one bit by one as XNOR and popcount."""
    constants: dict[str, int | str] = {"IN": FAN_IN, "OUT": OUTPUTS, "SIMD": SIMD, "PE": PE, "VECTORS": 16}
    kinds = {"in_t": (bits, False), "weight_t": (bits, bits > 1), "acc_t": (2 * bits + 6, True)}
    return Point("dense", dsp, constants | ({"BIPOLAR": 1} if bits == 1 else {}), kinds, "lutram")


def window(height: int, width: int, channels: int, lanes: int, bits: int, dsp: str) -> Point:
    """Of a kernel of 3 pixels along each axis there is."""
    kernel: dict[str, int | str] = {"KH": min(height, 3), "KW": 3, "SH": 1, "SW": 1, "DH": 1, "DW": 1}
    size: dict[str, int | str] = {"IMAGES": 1, "H": height, "W": width, "CHANNELS": channels, "LANES": lanes}
    return Point("sliding_window", dsp, size | kernel, {"elem_t": (bits, False)}, memory="lutram")


def requantizer(channels: int) -> Point:
    """From 24 bits to 8 by a product, a channel a clock."""
    rows: dict[str, int | str] = {"CHANNELS": channels, "PE": 1, "FOLDS": 4 * channels}
    kinds = {
        "in_t": (ACC, True), "multiplier_t": (12, False), "offset_t": (ACC + 11, True), "product_t": (ACC + 12, True),
        "sum_t": (ACC + 13, True), "out_t": (8, False),
    }  # fmt: skip
    return Point("multiply_shift", "DSP48E2", rows | {"K": 28, "LO": 0, "HI": 255, "CLAMP": 1}, kinds)


def lanes_of(length: int, channels: int, interval: int) -> int:
    """Elements that a one-dimensional window gives a clock."""
    return max(round(length * 3 * channels / interval), 1)


def windows() -> Iterator[tuple[Point, Sequence[float]]]:
    """Ours with the row of theirs: LUT and FF last."""
    for row in published()["radiofinn"]["window"]:
        length, channels, interval = row[:3]
        yield window(1, length + 2, channels, lanes_of(length, channels, interval), 8, "DSP48E2"), row
    for row in published()["lpyolo"]["window"]:
        side, channels = row[:2]
        yield window(side + 2, side + 2, channels, 1, 8, "DSP48E1"), row


def wanted() -> list[Point]:
    """Everything that the tables count."""
    several = [*(matrix(bits, dsp) for bits in (1, 2, 3, 4, 8) for dsp in ("DSP48E1", "DSP48E2"))]
    return [*several, *(point for point, _ in windows()), requantizer(64), requantizer(128)]


def count() -> None:
    """Append what is not there yet."""
    done, yosys = points.known(DATA), find_yosys()
    for dsp in points.BOARDS:
        todo = [p for p in wanted() if p.dsp == dsp and p.key not in done]
        for first in range(0, len(todo), BATCH):
            for point, found in points.counted(yosys, todo[first : first + BATCH]):
                row = {"point": asdict(point), "yosys": yosys.version, "counts": found and asdict(found)}
                with DATA.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(point.key, row["counts"], flush=True)


# ---------------------------------------------------------------- the estimate against theirs


@dataclass(frozen=True)
class Pair:
    """LUTs of a block of theirs by our formulas, and after their place and route."""

    kind: str
    said: int
    found: int


def pairs() -> list[Pair]:
    """Matrix units and windows, by what is known of them."""
    found = []
    for length, fan_in, outputs, interval, lut, _, dsp, bram in published()["radiofinn"]["matrix"]:
        said = unit_like(length, fan_in, outputs, interval, int(dsp), "bram" if bram else "auto")
        found.append(Pair("matrix", said.lut, lut))
    found += [Pair("window", counted.estimate(point).lut, int(row[-2])) for point, row in windows()]
    return found


def unit_like(length: int, fan_in: int, outputs: int, interval: int, dsp: int, memory: Memory) -> Cost:
    """Ours with as many products a clock, packed where theirs are, and its weights where theirs lie."""
    macs = round(length * fan_in * outputs / interval)
    simd = next(s for s in (4, 3, 2, 1) if macs % s == 0 and fan_in % s == 0)
    pe = macs // simd
    rows, acc = -(-outputs // pe) * (fan_in // simd), 16 + (fan_in - 1).bit_length()
    packing = Packing(SPACING, CHAIN) if dsp < macs else None
    unit = cost.dense(pe, simd, rows, 8, 8, acc, "DSP48E2", memory, packing=packing)
    return unit + cost.input_vector(fan_in // simd, 8 * simd, 1, -(-outputs // pe))


def errors() -> Iterator[tuple[str, int, float, list[float]]]:
    """By kind: rows that the factor is fitted to, the factor, and what it misses of the others."""
    for kind in ("matrix", "window"):
        own = [p for p in pairs() if p.kind == kind]
        factor = median(p.found / p.said for p in own[::2])
        yield kind, len(own[::2]), factor, [factor * p.said / p.found - 1 for p in own[1::2]]


# ---------------------------------------------------------------- the tables


def tables() -> str:
    """Markdown."""
    known = {key: row["counts"] for key, row in points.known(DATA).items()}
    parts = _matrices(known), _windows(known), _requantizers(known), _errors()
    return "\n\n".join("\n".join(part) for part in parts)


def _matrices(known: dict[str, dict[str, int]]) -> list[str]:
    lines = [
        f"A `dense` of {FAN_IN} inputs and {OUTPUTS} outputs with {PE} x {SIMD} products a clock, weights in LUTs, "
        "control and accumulators included; theirs are whole designs with everything around them, by the products of a "
        "frame over its clocks.", "",
        "| bits | ours, 7-series: LUT a product | DSP | UltraScale+: LUT a product | DSP | theirs: LUT a product | |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]  # fmt: skip
    data = published()
    for bits in (1, 2, 3, 4, 8):
        mine = []
        for dsp in ("DSP48E1", "DSP48E2"):
            found = known[matrix(bits, dsp).key]
            mine += [f"{found['lut'] / (PE * SIMD):.1f}", str(found["dsp"])]
        theirs = [
            (
                row["lut"] * row["interval"] / design["macs"],
                f"{design['name']} at {row['interval']:,} clocks"
                + (f", {row['dsp']:,} DSPs" if "dsp" in row else ""),
            )
            for design in data["design"] if design["bits"] == f"{bits}x{bits}" for row in design["rows"]
        ]  # fmt: skip
        if bits == 8:
            blocks = [(length * i * o / clocks, lut) for length, i, o, clocks, lut, *_ in data["radiofinn"]["matrix"]]
            theirs = [(lut / macs, f"VGG10, matrix unit of {macs:.0f} a clock") for macs, lut in blocks if macs > 10]
        for n, (each, name) in enumerate(theirs):
            own = [f"{bits} x {bits}", *mine] if n == 0 else [""] * 5
            lines.append(_row(*own, f"{each:.1f}", name))
    return lines


def _windows(known: dict[str, dict[str, int]]) -> list[str]:
    lines = [
        "Windows of 3 or 3 x 3, lines in LUTs, of the same maps in words of as many elements:", "",
        "| map | elements a word | ours: LUT | FF | theirs: LUT | FF |", "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for point, row in windows():
        c, found = point.constants, known[point.key]
        size = f"{c['W']} x {c['CHANNELS']}" if c["H"] == 1 else f"{c['H']} x {c['W']} x {c['CHANNELS']}"
        lines.append(_row(size, c["LANES"], found["lut"], found["ff"], *row[-2:]))
    return lines


def _requantizers(known: dict[str, dict[str, int]]) -> list[str]:
    lines = [
        f"Requantizers to 8 bits, a channel a clock; ours of {ACC}-bit accumulators, theirs by 255 cuts:", "",
        "| channels | | LUT | FF | DSP | BRAM36 |", "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for channels in (64, 128):
        found = known[requantizer(channels).key]
        blocks = f"{found['bram18'] / 2:g}"
        lines.append(_row(channels, "ours, a product", found["lut"], found["ff"], found["dsp"], blocks))
        for row in published()["radiofinn"]["thresholds"]:
            if row[0] == channels:
                lines.append(_row(channels, "theirs, 255 cuts", row[1], row[2], 0, f"{row[3]:g}"))
    return lines


def _errors() -> list[str]:
    lines = [
        "The estimate of ours beside theirs; a factor is the middle one of every second row, the error that "
        "of the other rows:", "",
        "| blocks | fitted to | theirs / our estimate | rows not fitted to | error: middle | from | to |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for kind, fitted, factor, missed in errors():
        ends = (f"{value:+.0%}" for value in (median(missed), min(missed), max(missed)))
        lines.append(_row(kind, fitted, f"{factor:.2f}", len(missed), *ends))
    return lines


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replace the tables of a page")
    options = parser.parse_args()
    if options.write is None:
        count()
        return
    page = options.write.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    options.write.write_text(
        f"{before}{BEGIN}\n{tables()}\n{END}{rest.split(END)[1]}", encoding="utf-8", newline="\n"
    )  # fmt: skip


if __name__ == "__main__":
    main()
