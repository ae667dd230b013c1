"""benchmarks/rescale/accuracy.py: its short run, its figures, its page and its plot."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from isobit import demo
from isobit.flow import import_source
from isobit.ir.ops import Step
from isobit.numerics import Rounded, Rounding
from isobit.numerics.tflite import rounded_once, rounded_twice
from isobit.passes import FOLDING, optimise
from isobit.passes.shrink import ShrinkMultiplicands
from tests.cli.runner import ROOT

EMPTY: Mapping[int, tuple[int, int]] = {}


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The benchmark's own modules can be imported; torch keeps its number of threads."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "rescale"))
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def module(name: str) -> Any:
    return importlib.import_module(name)


def test_the_short_run_fills_its_place_in_a_page_and_draws_the_plot(tmp_path: Path) -> None:
    command, page = module("accuracy"), tmp_path / "page.md"
    page.write_text(f"# Before\n\n{command.BEGIN}\nold\n{command.END}\n\nbehind\n")
    command.main(["--quick", "--write", str(page)])
    text = page.read_text()
    assert text.startswith("# Before\n") and text.endswith("\nbehind\n") and "old" not in text
    assert "898 images to train and 899 to test" in text and "(page.svg)" in text
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith(("| 8 | ", "| 2 | "))]
    assert [line[0] for line in lines] == ["| 8", "| 2"] * 2  # the budget's shares, then the accuracies
    assert all("(" in cell for line in lines[2:] for cell in (line[1], *line[3:]))
    drawn = ElementTree.fromstring(page.with_suffix(".svg").read_text())
    assert len(drawn.findall(".//{*}circle")) == 6  # two widths of three methods; no budget is so large

    again = tmp_path / "again" / "page.md"
    again.parent.mkdir()
    command.main(["--quick", "--write", str(again)])
    assert again.read_text().strip() in text
    assert again.with_suffix(".svg").read_bytes() == page.with_suffix(".svg").read_bytes()


def test_a_page_without_marks_stays_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("by hand\n")
    with pytest.raises(SystemExit, match="accuracy: begin"):
        module("accuracy").replaced(page, "tables")
    assert page.read_text() == "by hand\n"


def test_the_least_width_is_lossless_and_one_bit_less_is_not() -> None:
    methods = module("accuracy_methods")
    folded = optimise(import_source(demo.MODEL), FOLDING)
    steps = [node for node in folded.nodes if isinstance(node, Step)]
    for node in steps:
        width = methods.least_width(folded, node)
        assert width > 1
        for bits, wide in ((width, False), (width - 1, True)):
            assert (node.name in methods.wide_steps(ShrinkMultiplicands(bits)(folded), bits)) is wide


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        (rounded_once, [[-1, 0], [0, 1], [1, 2], [1, 1], [2, -1]]),
        (rounded_twice, [[-1, -1], [-1, 1], [1, 2], [2, 2], [2, -1]]),  # 5/4 by way of 3/2
    ],
)
def test_a_reference_adds_its_bias_in_steps_of_the_accumulator(form: Any, wanted: list[list[int]]) -> None:
    curves = tuple(Rounded(Fraction(1, 4), Fraction(o, 2), Rounding.ROUND, -1, 2) for o in (0, 1))
    step = Step(name="step", inputs=("x",), curves=curves)
    x = np.array([[-6, -4], [-2, 1], [2, 6], [5, 3], [100, -100]])
    assert module("accuracy_methods").reference_integers(step, form, x).tolist() == wanted


def test_significant_bits_leave_out_the_zeros_behind() -> None:
    assert [module("accuracy_methods").significant_bits(n) for n in (0, 1, 8, 12, -12, 7)] == [0, 1, 1, 2, 2, 3]


def outcome(
    exact: float, accuracies: dict[int, float], wider: int = 0, changes: Mapping[int, tuple[int, int]] = EMPTY
) -> Any:
    """One seed of a network; ``changes`` are the images lost and won at a width."""
    methods = module("accuracy_methods")
    made = {bits: methods.Shortened(a, *changes.get(bits, (0, 0)), wider, 5) for bits, a in accuracies.items()}
    reference = methods.Reference(100, 3, 1, exact)
    shortened = {"plain": made, "trained": made, "refit": made, "budget": {}}
    return methods.Outcome(
        "net", 0, 0.99, exact, 0.8, (9, 0, 20), 24, dict.fromkeys(methods.TFLITE, reference), {8: 0.25}, shortened
    )


def test_without_loss_ends_at_the_first_width_where_a_loss_is_no_chance() -> None:
    page = module("accuracy_page")
    accuracies = dict.fromkeys((16, 8, 4, 2), 0.9)
    first = outcome(0.9, accuracies, changes={8: (7, 0), 4: (4, 0), 2: (1, 1)})
    second = outcome(0.9, accuracies, changes={8: (0, 3), 4: (3, 0), 2: (0, 0)})
    assert page.narrowest([first, second], "plain") == 8  # 2 bits are fine, but 7 images lost with 4 are not
    assert page.narrowest([first], "plain") == 16
    assert page.narrowest([first, second], "budget") is None
    missing = replace(second, shortened={**second.shortened, "plain": {16: first.shortened["plain"][16]}})
    assert page.narrowest([first, missing], "plain") == 16


def test_chance_counts_the_outcomes_of_fair_coins() -> None:
    chance = module("accuracy_page").chance
    for lost, won in ((0, 0), (0, 4), (4, 0), (3, 2), (2, 3)):
        tosses = list(itertools.product((0, 1), repeat=lost + won))
        assert chance(lost, won) == Fraction(sum(sum(toss) >= lost for toss in tosses), len(tosses))


def test_the_page_shows_spread_missing_results_and_steps_that_stay_wide() -> None:
    page, request = module("accuracy_page"), module("accuracy_methods").Request((8,), 1, 1, Fraction(1, 1000))
    text = page.page([outcome(0.9, {8: 0.9}), outcome(0.7, {8: 0.95}, 2, {8: (3, 5)})], request, "about", "a.svg")
    assert "| 8 | 92.50 (90.00 to 95.00), -3 +5, wider steps: 2 | – |" in text
    assert "| net, rounded once | 200 | 6 | 1 | 80.00 (70.00 to 90.00) |" in text
    assert "| net | 6 | 9 | 14.5 | 20 | 2 |\n" in text
    assert "| net | 24 | 5 | 0 | 5 | 5 |" in text
    assert "| 8 | 250,000 ppm |" in text
