"""The verdict that a simulation leaves in the build's folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from isobit.build.folder import load_build
from isobit.check.csim.last import BOUNDED, CSIM, Record, read_record
from isobit.errors import IsobitError
from tests.cli.runner import edited, isobit, multiplied, small_model, with_other_weight


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("record"))


@pytest.fixture
def build(model: Path, tmp_path: Path) -> Path:
    plan = multiplied(tmp_path / "plan.toml")
    assert isobit("compile", model, "-o", tmp_path / "build", "--plan", plan).status == 0
    return tmp_path / "build"


def record(build: Path, name: str = CSIM) -> Record | None:
    return read_record(load_build(build), name)


def test_an_equal_run_is_kept_until_the_next_compilation(model: Path, build: Path) -> None:
    assert record(build) is None
    assert isobit("csim", build, "-n", 50).status == 0
    kept = record(build)
    assert kept is not None and kept.verdict == "equal to exact arithmetic" and kept.source is not None  # three ties
    assert [(r.flavour, r.vectors, r.outputs, r.mismatches) for r in kept.runs] == [
        ("faithful", 50, 100, 0), ("native", 50, 100, 0),
    ]  # fmt: skip
    assert isobit("compile", model, "-o", build).status == 0
    assert record(build) is None


def test_the_bounded_run_is_kept_beside_it_and_two_runs_are_byte_identical(build: Path) -> None:
    texts = []
    for _ in range(2):
        assert isobit("csim", build, "--bounded").status == 0
        texts.append((build / BOUNDED).read_bytes())
    assert texts[0] == texts[1] and record(build) is None
    kept = record(build, BOUNDED)
    assert kept is not None and [r.flavour for r in kept.runs] == ["bounded"]


def test_a_mismatch_is_kept_with_its_place(build: Path, tmp_path: Path) -> None:
    copy = edited(build, tmp_path / "b", "hls/parameters.hpp", with_other_weight)
    assert isobit("csim", copy, "-n", 50, "--no-source").status == 1
    kept = record(copy)
    assert kept is not None and kept.verdict == "not equal" and kept.source is None
    assert kept.mismatch is not None and kept.mismatch.layer == "MatMul_2"


def test_a_failure_replaces_an_earlier_verdict(build: Path, tmp_path: Path) -> None:
    def loop(text: str) -> str:
        return text.replace('  ISOBIT_TAP("Quant_5"', '  for (volatile int i = 0;; i = 1) {}\n  ISOBIT_TAP("Quant_5"')

    copy = edited(build, tmp_path / "b", "hls/top.cpp", loop)
    assert isobit("csim", copy, "-n", 5, "--no-source", "--timeout", 0.5).status == 1
    kept = record(copy)
    assert kept is not None and kept.verdict == "failed" and kept.failure.startswith("E606: ") and kept.runs == ()


def test_a_verdict_of_another_build_counts_as_none(build: Path) -> None:
    assert isobit("csim", build, "-n", 5, "--no-source").status == 0
    content = json.loads((build / CSIM).read_text())
    (build / CSIM).write_text(json.dumps(content | {"build": "0" * 64}))
    assert record(build) is None


@pytest.mark.parametrize("text", ["", "{}", '{"build": "x", "verdict": "perfect"}', "[" * 5000])
def test_a_verdict_that_isobit_did_not_write_is_refused(build: Path, text: str) -> None:
    (build / CSIM).write_text(text)
    with pytest.raises(IsobitError) as refused:
        record(build)
    assert refused.value.code == "E608"
    done = isobit("report", build)
    assert done.status == 2 and done.err.startswith("E608: ")
    shutil.rmtree(build)
