"""``isobit verify``: true proofs hold, and every way of tampering with a build is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import isobit
from isobit import demo
from isobit.check.proofs.verify import Verification, _channel, function, verify_build
from isobit.errors import IsobitError
from isobit.ir.curve_record import curve_record
from isobit.numerics import Curve, Cuts, MultiplyShift, Rounded, Rounding
from tests.cli.runner import isobit as run_isobit

STEP = "n_6_Quant"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return isobit.compile(demo.MODEL, tmp_path_factory.mktemp("verify") / "build").path


@pytest.fixture
def build(original: Path, tmp_path: Path) -> Path:
    """A copy of the two files that are looked at."""
    for name in ("graph.txt", "proofs.json"):
        (tmp_path / name).write_bytes((original / name).read_bytes())
    return tmp_path


def edit_proof(build: Path, change: Callable[[dict[str, Any]], None], channel: int = 3) -> Verification:
    """Change one channel's claim and check again."""
    proofs = json.loads((build / "proofs.json").read_text())
    change(next(s for s in proofs["steps"] if s["step"] == STEP)["channels"][channel])
    (build / "proofs.json").write_text(json.dumps(proofs))
    return verify_build(build)


def problem_of(found: Verification) -> str:
    """What is wrong with the step, which must be the only one."""
    assert not found.holds
    assert [s.step for s in found.steps if s.problem] == [STEP]
    return next(s.problem for s in found.steps if s.problem)


def test_an_untouched_build_holds(original: Path) -> None:
    found = verify_build(original)
    assert found.holds
    assert [(s.step, s.channels, s.wrong) for s in found.steps] == [
        ("n_3_Quant", 64, 0), ("n_6_Quant", 32, 0), ("n_9_Quant", 10, 0)
    ]  # fmt: skip
    assert all(s.points > 2 * s.channels for s in found.steps)


def test_every_cut_is_listed_with_its_level(original: Path) -> None:
    proofs = json.loads((original / "proofs.json").read_text())
    for claim in (c for s in proofs["steps"] for c in s["channels"]):
        exact = function(claim["exact"])
        inside = range(claim["lo"] + 1, claim["hi"] + 1)
        jumps = {x: exact(x) - exact(x - 1) for x in (*claim["cuts"], inside[0], inside[-1])}
        assert (
            sum(jumps[x] for x in set(claim["cuts"])) == exact(claim["hi"]) - exact(claim["lo"]) == len(claim["cuts"])
        )


PRODUCT = {"m": 63, "c": 32, "k": 6, "clamp": [-5, 5]}
LIST = {"start": -5, "cuts": list(range(-4, 6))}


@pytest.mark.parametrize(
    ("cuts", "built", "problem"),
    [
        ([-4, 5], PRODUCT, ""),
        ([-4, 4], PRODUCT, "4 is not where level 5 begins"),
        ([-4, 5], PRODUCT | {"m": 57}, "accumulator -5 gives -4 and must give -5"),
        ([-4, 5], LIST, "the exact function has 10 cuts, the proof 2"),
        (10, LIST, ""),
        (10, LIST | {"cuts": [-4, -3, -2, -1, 0, 0, 2, 3, 4, 5]}, "accumulator 0 gives 1 and must give 0"),
    ],
)
def test_of_a_translation_two_cuts_decide_where_a_product_is_built(cuts: Any, built: Any, problem: str) -> None:
    exact = {"mul": "1", "add": "0", "round": "ROUND", "clamp": [-5, 5]}
    claim = {"lo": -9, "hi": 9, "exact": exact, "built": built, "cuts": cuts, "wrong": 0, "worst": 0}
    assert _channel(claim, built, -9, 9)[0] == problem


def test_two_builds_write_the_same_proofs(original: Path, tmp_path: Path) -> None:
    again = isobit.compile(demo.MODEL, tmp_path / "again").path
    assert (again / "proofs.json").read_bytes() == (original / "proofs.json").read_bytes()


def test_a_multiplicand_changed_in_the_graph_is_named(build: Path) -> None:
    text = (build / "graph.txt").read_text()
    line = next(part for part in text.splitlines() if part.startswith(f"{STEP} "))
    first = re.search(r'"m":(\d+)', line)
    assert first is not None
    changed = line.replace(first[0], f'"m":{int(first[1]) + 1}', 1)
    (build / "graph.txt").write_text(text.replace(line, changed))
    assert problem_of(verify_build(build)).startswith("channel 0: the graph has ")


def test_integers_changed_in_graph_and_proof_fail_at_an_accumulator(build: Path) -> None:
    """The forger keeps both files consistent: only evaluation can tell."""
    claims = json.loads((build / "proofs.json").read_text())
    claim = next(s for s in claims["steps"] if s["step"] == STEP)["channels"][3]
    old = claim["built"]
    forged = old | {"c": old["c"] + (1 << old["k"]) // 3}
    as_text = [f'{{"m":{b["m"]},"c":{b["c"]},"k":{b["k"]},' for b in (old, forged)]
    graph = (build / "graph.txt").read_text()
    assert graph.count(as_text[0]) == 1
    (build / "graph.txt").write_text(graph.replace(*as_text))
    found = re.fullmatch(
        r"channel 3: accumulator (-?\d+) gives (\d+) and must give (\d+)",
        problem_of(edit_proof(build, lambda c: c.update(built=forged))),
    )
    assert found is not None
    x, got, wanted = (int(v) for v in found.groups())
    assert (function(forged)(x), function(claim["exact"])(x)) == (got, wanted)
    assert got != wanted


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["exact"].update(add="7/3"), "is not where level 1 begins"),
        (lambda c: c["exact"].update(mul="1/3"), "is not where level 1 begins"),
        (lambda c: c.update(lo=c["lo"] + 1), "accumulators reach"),
        (lambda c: c.update(hi=c["hi"] - 1), "accumulators reach"),
        (lambda c: c["built"].update(k=c["built"]["k"] + 1), "the graph has"),
        (lambda c: c.update(wrong=1, worst=1), "the proof says 1 by 1"),
        (lambda c: c["cuts"].pop(), "cuts, the proof"),
        (lambda c: c.update(cuts=c["cuts"][1:] + c["cuts"][-1:]), "is not where level"),
        (lambda c: c.update(cuts=[*c["cuts"][:-1], c["cuts"][-1] + 1]), "is not where level"),
        (lambda c: c.update(cuts=len(c["cuts"]) + 1), "cuts, the proof"),
    ],
)
def test_a_changed_claim_is_named(build: Path, change: Callable[[dict[str, Any]], None], said: str) -> None:
    problem = problem_of(edit_proof(build, change))
    assert problem.startswith("channel 3: ")
    assert said in problem


def test_missing_proofs_are_named(build: Path) -> None:
    proofs = json.loads((build / "proofs.json").read_text())
    step = next(s for s in proofs["steps"] if s["step"] == STEP)
    step["channels"].pop()
    (build / "proofs.json").write_text(json.dumps(proofs))
    assert problem_of(verify_build(build)) == "31 proofs for 32 channels"
    proofs["steps"].remove(step)
    (build / "proofs.json").write_text(json.dumps(proofs))
    assert problem_of(verify_build(build)) == "it has no proof"


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"format":9,"steps":[]}', '{"format":2,"steps":[{"step":1}]}', "\x00", '{"format":2}']
)
def test_a_file_that_is_no_proof_is_refused(build: Path, text: str) -> None:
    (build / "proofs.json").write_text(text)
    with pytest.raises(IsobitError) as error:
        verify_build(build)
    assert error.value.code == "E603"


def test_the_command_says_so(build: Path) -> None:
    good = run_isobit("verify", str(build))
    assert (good.status, good.out.splitlines()[-1]) == (0, "EVERY PROOF HOLDS")
    edit_proof(build, lambda c: c["exact"].update(add="7/3"))
    bad = run_isobit("verify", str(build))
    assert bad.status == 1
    assert f"{STEP}: channel 3: " in bad.out
    as_json = run_isobit("verify", str(build), "--json")
    assert (as_json.status, json.loads(as_json.out)["holds"]) == (1, False)
    assert run_isobit("verify", str(build / "nothing")).status == 2


curves = st.one_of(
    st.builds(
        lambda n, d, o, r, lo, top: Rounded(Fraction(n, d), Fraction(o, 6), r, -lo, top),
        st.integers(1, 40), st.integers(1, 40), st.integers(-50, 50), st.sampled_from(Rounding), st.integers(0, 9),
        st.integers(0, 9),
    ),
    st.builds(
        lambda m, c, k: MultiplyShift(m, c, k, -9, 9), st.integers(1, 40), st.integers(-99, 99), st.integers(0, 6)
    ),
    st.builds(lambda s, c: Cuts(s, sorted(c)), st.integers(-5, 5), st.lists(st.integers(-30, 30), max_size=8)),
)  # fmt: skip


@given(curves, st.integers(-60, 60))
def test_the_independent_evaluation_is_the_same_function(curve: Curve, x: int) -> None:
    assert function(curve_record(curve))(x) == curve.at(x)


@pytest.mark.parametrize(
    ("c", "found"), [(1 << 30, ""), ((1 << 30) + 1, "accumulator"), ((1 << 30) - 1, "accumulator")]
)
def test_many_levels_of_parallel_functions_are_decided_by_the_first_and_the_last(c: int, found: str) -> None:
    """2**31 levels of a rounding shift, which nobody lists."""
    exact = Rounded(Fraction(1, 1 << 31), Fraction(1, 2), Rounding.FLOOR, 0, (1 << 31) - 1)
    for built in (MultiplyShift(1, c, 31, 0, (1 << 31) - 1), exact):
        claim = {
            "lo": 0, "hi": 1 << 62, "exact": curve_record(exact), "built": curve_record(built),
            "cuts": (1 << 31) - 1, "wrong": 0, "worst": 0,
        }  # fmt: skip
        problem, points = _channel(claim, curve_record(built), 0, 1 << 62)
        assert problem.startswith(found if built is not exact else "") and bool(problem) == bool(
            found and built is not exact
        )
        assert points < 10
