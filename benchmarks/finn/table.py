"""Every ONNX model of a folder through the FINN back end and through finn-plus itself, as a table.

``python benchmarks/finn/table.py FOLDER`` takes each ``FOLDER/NAME/model.onnx``, compiles it with the FINN back end and
runs ``check.py`` of the build in finn-plus's environment (``isobit finn setup``). ``--write PAGE`` puts each row, as
soon as it is known, between ``<!-- table -->`` and ``<!-- end -->`` of a page; ``--only TEXT`` takes names that have
it; ``--seconds N`` gives FINN so long for one model. An input without a quantiser has the type of docs/exactness.md:
what the recorded samples prove, bytes for images. The exit status is 1 where FINN's integers differ anywhere.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "compiler"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from exactness_cases import file_subjects

import isobit
from isobit.backends.finn.verdict import FinnVerdict, check_finn_build

_COLUMNS = (
    "model", "FINN nodes", "mapped", "integers equal", "FINN: LUT, DSP, BRAM18", "FINN: clocks",
    "isobit: LUT, DSP, BRAM36", "isobit: clocks",
)  # fmt: skip
HEAD = ("| " + " | ".join(_COLUMNS) + " |", "|---|---:|---|---|---:|---:|---:|---:|")


@dataclass(frozen=True)
class Row:
    """A line of the table, and whether FINN's integers are ours as far as there are any."""

    cells: tuple[str, ...]
    right: bool = True

    @property
    def line(self) -> str:
        return "| " + " | ".join(self.cells) + " |"


def row(name: str, model: Path, input_type: str | None, seconds: float) -> Row:
    """One model, compiled and checked."""
    with tempfile.TemporaryDirectory(prefix="isobit-finn-") as scratch:
        place = Path(scratch)
        try:
            build = isobit.compile(model, place / "build", board="zcu104", backend="finn", input_type=input_type)
        except isobit.IsobitError as error:
            where = f" ({error.where})" if error.where else ""
            return Row((name, f"refused, {error.code}: {error.message}{where}".replace("|", "/"), *[""] * 6))
        try:
            verdict = check_finn_build(build.path, place / "work", seconds)
        except isobit.IsobitError as error:
            return Row((name, f"{error.code}: {error.message}".replace("|", "/"), *[""] * 6))
        estimate = build.manifest.estimate
        ours = f"{estimate.lut:,}, {estimate.dsp}, {estimate.bram36}"
        return Row((name, *_finn(verdict), ours, f"{estimate.interval:,}"), not any(s.different for s in verdict.steps))


def _finn(verdict: FinnVerdict) -> tuple[str, ...]:
    compared = [step for step in verdict.steps if step.outputs]
    wrong = next((f"{s.name}: {s.different} of {s.outputs}" for s in compared if s.different), "")
    equal = wrong or f"{sum(s.outputs for s in compared):,} after {len(compared)} steps"
    mapped = "every node" if verdict.mapped else verdict.error or ", ".join(verdict.unmapped or verdict.misfolded)
    total = verdict.resources.get("total", {})
    figures = ", ".join(f"{total[key]:,.0f}" for key in ("LUT", "DSP", "BRAM_18K")) if total else ""
    return str(len(verdict.cycles)), mapped.replace("|", "/")[:200], equal, figures, f"{verdict.interval:,}"


def _with_row(page: str, line: str) -> str:
    """The page with this row in its table, in the place of that of the same model, by name."""
    part = re.search(r"<!-- table -->\n(.*?)<!-- end -->", page, flags=re.DOTALL)
    if part is None:
        raise SystemExit("the page has no <!-- table --> .. <!-- end -->")
    kept = {row.split("|")[1].strip(): row for row in [*part[1].splitlines()[2:], line]}
    table = "\n".join([*HEAD, *(kept[name] for name in sorted(kept))])
    return page[: part.start()] + f"<!-- table -->\n{table}\n<!-- end -->" + page[part.end() :]


def main() -> int:
    """The table, printed and written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--only", default="", help="comma-separated parts of names")
    parser.add_argument("--seconds", type=float, default=600.0)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    rows = []
    for subject in file_subjects(options.folder):
        model = subject.source()
        if model.suffix != ".onnx" or not any(part in subject.name for part in options.only.split(",")):
            continue
        rows.append(row(subject.name, model, subject.declared_type(), options.seconds))
        print(rows[-1].line, flush=True)
        if options.write:
            page = options.write.read_text(encoding="utf-8")
            options.write.write_text(_with_row(page, rows[-1].line), encoding="utf-8")
    return 0 if all(r.right for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
