"""``isobit verify`` on sums with short coefficients: true proofs hold, tampering is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from isobit.check.proofs.sums import SumCheck
from isobit.check.proofs.verify import Verification, verify_build
from isobit.ir import Graph, print_graph
from isobit.numerics import Rounded, Rounding
from isobit.passes import FOLDING, optimise
from isobit.passes.proofs import proofs_text, prove, prove_sums
from isobit.passes.sums import NarrowSum
from tests.passes.graphs import add, given, graph, out, step

UNIT = Fraction(1, 1 << 24)


def joined(coefficients: Any = 11_184_811) -> Graph:
    curves = [Rounded(UNIT, Fraction(n, 7), Rounding.ROUND, -8, 7) for n in range(3)]
    return graph(
        given(3, lo=-8, hi=7), given(3, lo=[-8, -3, 0], hi=7, name="v"),
        add("s", ("x", coefficients), ("v", 9_437_185)), step("f", "s", *curves), out("f"),
    )  # fmt: skip


@pytest.fixture(params=[11_184_811, [11_184_811, -5_000_001, 4_194_305]])
def build(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The two files that are looked at, of a join with one pair of coefficients or with one per channel."""
    folded = optimise(joined(request.param), FOLDING)
    narrowed = NarrowSum()(folded)
    made = optimise(narrowed)
    (tmp_path / "graph.txt").write_text(print_graph(made))
    (tmp_path / "proofs.json").write_text(proofs_text(prove(narrowed, made), prove_sums(folded, narrowed)))
    return tmp_path


def edited(build: Path, change: Callable[[dict[str, Any]], None]) -> Verification:
    proofs = json.loads((build / "proofs.json").read_text())
    change(proofs)
    (build / "proofs.json").write_text(json.dumps(proofs))
    return verify_build(build)


def sum_of(found: Verification) -> SumCheck:
    (only,) = found.sums
    return only


def test_an_untouched_proof_holds(build: Path) -> None:
    found = verify_build(build)
    assert found.holds
    check = sum_of(found)
    assert check.sum == "s" and check.exact_bits == 24 and check.bits <= 8 and check.points > 3 * 2 * 8


def test_another_coefficient_is_named(build: Path) -> None:
    found = edited(build, lambda p: p["sums"][0]["coefficients"][1].__setitem__(0, 9_937_185))
    assert not found.holds and "must give" in sum_of(found).problem and sum_of(found).problem.startswith("f, channel 0")


def test_another_exact_curve_is_named(build: Path) -> None:
    found = edited(build, lambda p: p["sums"][0]["steps"]["f"][1].update(add="1/2"))
    assert "f, channel 1" in sum_of(found).problem


def test_another_sign_is_named(build: Path) -> None:
    found = edited(build, lambda p: p["sums"][0]["coefficients"][0].__setitem__(0, 0))
    assert "sign" in sum_of(found).problem


def test_a_coefficient_changed_in_the_graph_is_named(build: Path) -> None:
    text = (build / "graph.txt").read_text()
    changed = re.sub(r"coefficients=\[\[(\d+)", lambda found: f"coefficients=[[{3 * int(found[1])}", text)
    assert changed != text
    (build / "graph.txt").write_text(changed)
    assert not verify_build(build).holds


def test_a_missing_proof_is_named(build: Path) -> None:
    found = edited(build, lambda p: p.update(sums=[]))
    assert sum_of(found).problem == "it has no proof"


def test_a_proof_of_another_reader_is_named(build: Path) -> None:
    found = edited(build, lambda p: p["sums"][0]["steps"].update(g=[]))
    assert "the proof differs" in sum_of(found).problem
