"""Proofs of the RTL's requantizers: what is claimed, what answers are taken for, and the solver itself (slow)."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

import isobit
from isobit.backends.dataflow.rtl import parts
from isobit.check.synth import claims, datapaths
from isobit.check.synth.datapaths import prove_datapaths
from isobit.check.synth.yosys import Yosys, YosysTimeout
from isobit.errors import IsobitError
from tests.check.cosim.test_cosim import dense
from tests.check.synth.test_synth import needs_yosys
from tests.cli.runner import isobit as command
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
    assert [found[:2] for found in claims._RESULT.findall(text)] == [("b", "no model found: SUCCESS")]


def test_only_an_end_that_did_not_come_leaves_a_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a refusal whose text reads like one."""
    said, build = answered(monkeypatch, ""), dense(tmp_path)
    for error in (YosysTimeout("E618", "late"), IsobitError("E618", "ERROR: the pass did not end")):

        def stopped(script: str, folder: Path, timeout: float, error: IsobitError = error) -> str:
            raise error

        monkeypatch.setattr(said, "run", stopped)
        if isinstance(error, YosysTimeout):
            assert [(p.proven, p.left) for p in prove_datapaths(build)] == [(0, 1)] * 2
        else:
            with pytest.raises(IsobitError, match="the pass did not end"):
                prove_datapaths(build)


def test_yosys_that_does_not_end_is_a_timeout(tmp_path: Path) -> None:
    with pytest.raises(YosysTimeout, match="E618"):
        Yosys((sys.executable, "-c", "import time; time.sleep(60)"), "1").run("x", tmp_path, 0.2)
    with pytest.raises(IsobitError, match="E617"):
        Yosys((str(tmp_path / "none"),), "1").run("x", tmp_path, 1)


def test_what_is_left_is_not_proven_for_the_command_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = dense(tmp_path)
    for answer, status in (
        ("Interrupted SAT solver: TIMEOUT!", 1),
        ("SAT proof finished - model found: FAIL!\n  \\acc    -292   fedc\n", 1),
        ("SAT proof finished - no model found: SUCCESS!", 0),
    ):
        answered(monkeypatch, answer)
        done = command("verify", build.path, "--rtl", "--json")
        assert done.status == status and json.loads(done.out)["holds"] is (status == 0)
    answered(monkeypatch, "")
    done = command("verify", build.path, "--rtl")
    assert done.status == 1 and "not proven" in done.out


@pytest.mark.parametrize("target", ["hls", "both"])
def test_a_build_without_rtl_says_so(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, "SAT proof finished - no model found: SUCCESS!")
    isobit.compile(dense(tmp_path).source, tmp_path / "own", target=target)
    said = command("verify", tmp_path / "own", "--rtl").out
    assert ("the build holds no SystemVerilog: it was written now" in said) is (target == "hls")


def test_the_modules_that_lie_in_the_build_are_proven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = answered(monkeypatch, "SAT proof finished - no model found: SUCCESS!")
    build = isobit.compile(dense(tmp_path).source, tmp_path / "both", target="both")
    assert build.rtl is not None
    for path in build.rtl.glob("isobit_*.sv"):
        path.write_text(path.read_text(encoding="utf-8") + "// the build's own\n", encoding="utf-8")
    modules: list[str] = []
    run = said.run

    def seen(script: str, folder: Path, timeout: float) -> str:
        modules.extend(path.read_text(encoding="utf-8") for path in folder.glob("isobit_*.sv"))
        return run(script, folder, timeout)

    monkeypatch.setattr(said, "run", seen)
    prove_datapaths(build)
    assert modules and all("the build's own" in text for text in modules)
    held = {path.name: path.read_text(encoding="utf-8") for path in build.rtl.glob("*.sv")}
    for part in parts.parts_of(build.design, build.manifest.board, held):  # type: ignore[arg-type]
        own = [text for name, text in part.texts.items() if name in held]
        assert own and all("the build's own" in text for text in own)
    del held["isobit_fifo.sv"]
    with pytest.raises(IsobitError, match=r"E608.*isobit_fifo"):
        parts.parts_of(build.design, build.manifest.board, held)  # type: ignore[arg-type]


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

    def wrong(names: set[str], held: Mapping[str, str] | None = None) -> dict[str, str]:
        old, new = "SUM'(product[pe]) + SUM'(offset[pe])", "SUM'(product[pe])"
        return {name: text.replace(old, new) for name, text in right(names, held).items()}

    monkeypatch.setattr(parts, "module_texts", wrong)
    proofs = prove_datapaths(dense(tmp_path))
    assert all("gives another level" in p.problem for p in proofs)
