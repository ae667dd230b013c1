"""Error bars of the estimate: read from what was counted, never typed in, and of the formulas as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest

from isobit.hardware import counted
from isobit.hardware.counted import Bar, Row, bar
from tests.cli.runner import ROOT

POINTS = ROOT / "benchmarks" / "rtl" / "points.jsonl"
NETS = ROOT / "benchmarks" / "rtl" / "nets.jsonl"


def rows_of(*pairs: tuple[int, float]) -> list[Row]:
    return [Row(str(i), "", {"LUT": pair}) for i, pair in enumerate(pairs)]


def test_a_bar_holds_nine_of_ten_and_cuts_nothing_of_a_few() -> None:
    assert bar(rows_of((100, 80), (100, 150), (100, 110)), "LUT") == Bar(-0.2, 0.1, 0.5, 3, 0)
    hundred = rows_of(*((100, float(n)) for n in range(1, 101)))
    made = bar(hundred, "LUT")
    assert made == Bar(-0.94, -0.495, -0.05, 100, 0)
    assert sum(made.low <= row.figures["LUT"][1] / 100 - 1 <= made.high for row in hundred) == 90


def test_nothing_where_nothing_was_estimated_is_no_error_and_something_is_beyond_the_bar() -> None:
    assert bar(rows_of((0, 0), (0, 3), (10, 9)), "LUT") == Bar(-0.1, -0.05, 0.0, 2, 1)
    assert bar(rows_of((0, 3)), "LUT") is None and bar([], "LUT") is None


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(-0.2, 0.12, "-20..+12 %"), (0.0, 0.0, "0 %"), (-0.004, 0.5, "0..+50 %"), (0.1, 0.1, "+10 %")],
)
def test_a_bar_in_words(low: float, high: float, text: str) -> None:
    assert str(Bar(low, low, high, 9, 0)) == text


def test_what_is_shown_is_what_the_file_says() -> None:
    """Counts of the data file are those that Yosys gave; the bars lie between the furthest of its networks."""
    points = [json.loads(line) for line in POINTS.read_text(encoding="utf-8").splitlines()]
    nets = [json.loads(line) for line in NETS.read_text(encoding="utf-8").splitlines()]
    key = ("lut", "ff", "dsp", "bram18")
    for rows, raw in ((counted.units(), points), ((*counted.networks(), *counted.packed()), nets)):
        found = [(*(r.figures[k][1] for k in ("LUT", "FF", "DSP")), 2 * r.figures["BRAM36"][1]) for r in rows]
        assert found and Counter(found) == Counter(
            tuple(float(row["counts"][k]) for k in key) for row in raw if row["counts"]
        )
    assert counted.data()["yosys"] == sorted({row["yosys"] for row in [*points, *nets]})
    for resource, made in counted.bars().items():
        pairs = [row.figures[resource] for row in counted.networks()]
        errors = [c / e - 1 if e else 0.0 for e, c in pairs if e or not c]
        assert made == bar(counted.networks(), resource) and made.rows + made.beyond == len(pairs)
        assert min(errors) - 0.001 <= made.low <= made.middle <= made.high <= max(errors) + 0.001
    for packs, rows in ((False, counted.networks()), (True, counted.packed())):
        said = counted.sentence(counted.bars(packs))
        assert f"{len(rows)} networks" in said
        assert all(str(counted.bars(packs)[name]) in said for name in ("LUT", "DSP", "BRAM36"))


@pytest.mark.slow
def test_the_file_is_of_the_formulas_of_today() -> None:
    """Who changes a formula runs ``python benchmarks/rtl/counted.py --write``; nothing needs Yosys."""
    made = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "rtl" / "counted.py"], capture_output=True, text=True, check=True
    )  # fmt: skip
    assert made.stdout == (ROOT / "compiler" / "isobit" / "hardware" / "counted.toml").read_text(encoding="utf-8")
