"""Proofs of the RTL's requantizers: what is claimed, what answers are taken for, and the solver itself (slow)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

import isobit
from isobit.backends.dataflow.rtl import parts
from isobit.check.synth import datapaths
from isobit.check.synth.datapaths import prove_datapaths
from isobit.check.synth.yosys import Yosys
from isobit.errors import IsobitError
from tests.check.cosim.test_cosim import dense
from tests.check.synth.test_synth import needs_yosys
from tests.models.random_nets import random_network
from tests.onnx_builder import save


class Said(Yosys):
    """Yosys that answers every claim of its script alike, and keeps the claims."""

    def __init__(self, answer: str) -> None:
        super().__init__(("none",), "1")
        self.answer, self.claims = answer, list[str]()

    def run(self, script: str, folder: Path, timeout: float) -> str:
        asked = [line.split()[2] for line in (folder / script).read_text().splitlines() if "ISOBIT-PROOF" in line]
        self.claims += [(folder / f"{name}.sv").read_text() for name in asked]
        return "".join(f"ISOBIT-PROOF {name}\n{self.answer}\n" for name in asked)


def answered(monkeypatch: pytest.MonkeyPatch, answer: str) -> Said:
    said = Said(answer)
    monkeypatch.setattr(datapaths, "find_yosys", lambda: said)
    return said


def test_a_claim_has_every_cut_of_the_staircase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the least accumulator of each level lies, by trying all of them."""
    said = answered(monkeypatch, "SAT proof finished - no model found: SUCCESS!")
    build = dense(tmp_path)
    proofs = prove_datapaths(build)
    assert [(p.different, p.proven, p.left, p.problem) for p in proofs] == [(1, 1, 0, "")] * 2
    for proof, claim in zip(proofs, said.claims, strict=True):
        node = build.graph.by_name[proof.layer]
        lo, hi = (int(v) for v in build.graph.types[node.inputs[0]].bounds)
        levels = [int(node.curves[0](x)) for x in range(lo, hi + 1)]  # type: ignore[attr-defined]
        for x, (before, after) in enumerate(pairwise(levels), lo + 1):
            for level in range(before + 1, after + 1):
                assert f"(y >= {literal(level)}) == (x >= {literal(x)});" in claim
        assert claim.count("assign right[") == levels[-1] - levels[0] + 1


def literal(value: int) -> str:
    return f"{'-' if value < 0 else ''}64'sd{abs(value)}"


def test_a_counterexample_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, "SAT proof finished - model found: FAIL!\n  \\acc    -292   fedc\n")
    proofs = prove_datapaths(dense(tmp_path))
    assert [p.problem for p in proofs] == ["channel 0: accumulator -292 gives another level"] * 2
    assert [p.proven for p in proofs] == [0, 0]


@pytest.mark.parametrize("answer", ["Interrupted SAT solver: TIMEOUT!", ""])
def test_what_is_not_answered_is_left(answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, answer)
    assert [(p.proven, p.left, p.problem) for p in prove_datapaths(dense(tmp_path))] == [(0, 1, "")] * 2


def test_the_verdict_of_another_claim_is_none() -> None:
    text = "ISOBIT-PROOF a\nnothing is said\nISOBIT-PROOF b\nSAT proof finished - no model found: SUCCESS!\n"
    assert [found[:2] for found in datapaths._RESULT.findall(text)] == [("b", "no model found: SUCCESS")]


def test_without_time_all_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = answered(monkeypatch, "SAT proof finished - no model found: SUCCESS!")
    assert [(p.proven, p.left) for p in prove_datapaths(dense(tmp_path), limit=0)] == [(0, 1)] * 2
    assert not said.claims


def test_a_refusal_is_no_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = answered(monkeypatch, "")

    def refused(script: str, folder: Path, timeout: float) -> str:
        raise IsobitError("E616", "ERROR: a loop")

    monkeypatch.setattr(said, "run", refused)
    with pytest.raises(IsobitError, match="E616"):
        prove_datapaths(dense(tmp_path))


@needs_yosys
@pytest.mark.slow
@pytest.mark.parametrize("seed", [6, 14, 31])
def test_the_requantizers_of_a_random_network_are_proven(seed: int, tmp_path: Path) -> None:
    build = isobit.compile(save(random_network(seed), tmp_path), tmp_path / "build")
    for proof in prove_datapaths(build):
        assert (proof.proven, proof.problem) == (proof.different, ""), proof


@needs_yosys
@pytest.mark.slow
def test_a_fault_has_a_counterexample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The offset, half a step, is not added."""
    right = parts.module_texts

    def wrong(names: set[str]) -> dict[str, str]:
        old, new = "SUM'(product[pe]) + SUM'(offset[pe])", "SUM'(product[pe])"
        return {name: text.replace(old, new) for name, text in right(names).items()}

    monkeypatch.setattr(parts, "module_texts", wrong)
    proofs = prove_datapaths(dense(tmp_path))
    assert all("gives another level" in p.problem for p in proofs)
