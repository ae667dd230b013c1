"""Flip-flops per LUT of whole designs after implementation, from a table of syntheses that others published.

    python benchmarks/flipflops.py SYNTHESES.tsv --write

SYNTHESES.tsv has the columns repo, path, block, stage, LUT and FF, one synthesis a row. A design is a row of a whole
shell, or all blocks of one report together, DMAs and the top left out. ``--write`` puts the designs into the data file
that the estimate reads (``compiler/isobit/hardware/flipflops.toml``); docs/cost.md shows them and how far they lie from
a factor that was fitted without their project.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import defaultdict
from pathlib import Path

from common import ROOT

DATA = ROOT / "compiler" / "isobit" / "hardware" / "flipflops.toml"
HEAD = """# Whole designs after implementation that others published, of FINN's architecture: repository, LUTs, FFs.
# Written by benchmarks/flipflops.py.
designs = [
"""


def designs(path: Path) -> list[tuple[str, int, int]]:
    """Repository, LUTs and flip-flops of every design, once each, in alphabetical order."""
    whole, sums = list[tuple[str, int, int]](), defaultdict[tuple[str, str], list[int]](lambda: [0, 0])
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if not re.fullmatch(r"\d+(\.0)?", row["LUT"]) or not re.fullmatch(r"\d+(\.0)?", row["FF"]):
                continue
            lut, ff = int(float(row["LUT"])), int(float(row["FF"]))
            if row["stage"] == "post-impl whole shell":
                whole.append((row["repo"], lut, ff))
            elif row["stage"] == "post-impl per block" and not re.match(r"IODMA|\(top\)", row["block"]):
                total = sums[row["repo"], row["path"]]
                total[0], total[1] = total[0] + lut, total[1] + ff
    return sorted({*whole, *((repo, lut, ff) for (repo, _), (lut, ff) in sums.items())})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--write", action="store_true", help="replace the data file")
    options = parser.parse_args()
    text = HEAD + "".join(f'  ["{repo}", {lut}, {ff}],\n' for repo, lut, ff in designs(options.table)) + "]\n"
    if options.write:
        DATA.write_text(text, encoding="utf-8", newline="\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
