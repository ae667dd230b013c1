"""Vendors' reports: every shape that was seen is read, what differs is named, points go into a calibration file."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest
from report.vendor_files import CSYNTH, FLAT, HIERARCHICAL, SLICES

import isobit
from isobit.errors import IsobitError
from isobit.report.beside import add_point, beside, module_of
from isobit.report.vendor import Used, VendorReport, read_csynth, read_utilization
from tests.cli.runner import isobit as command
from tests.cli.runner import multiplied, small_model


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> isobit.Build:
    folder = tmp_path_factory.mktemp("vendor")
    return isobit.compile(small_model(folder), folder / "build", plan=multiplied(folder / "plan.toml"))


def written(folder: Path, text: str, name: str = "report") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def layer_of(build: isobit.Build) -> str:
    return next(n for n, r in build.manifest.project.layers.items() if r.implementation == "dense")


def test_csynth_is_read(tmp_path: Path) -> None:
    found = read_csynth(written(tmp_path, CSYNTH))
    assert (found.tool, found.part, found.stage) == ("Vitis HLS 2023.2", "xc7z020-clg400-1", "csynth")
    assert found.used == Used(2345, 1200, 7, Fraction(3, 2), 0)
    assert found.parts["dense_cfg_LAYER_s"] == Used(777, 300, 2, Fraction(1, 2), 0)
    assert (found.clock_ns, found.reached_ns, found.interval, found.latency) == (10, 11.25, 41, 95)
    older = read_csynth(written(tmp_path, CSYNTH.replace("DSP>", "DSP48E>").replace("41</Int", "undef</Int")))
    assert older.used.dsp == 7 and older.interval == 0


@pytest.mark.parametrize(("text", "stage"), [(FLAT, "placed"), (SLICES, "synthesised")])
def test_flat_utilization_is_read(text: str, stage: str, tmp_path: Path) -> None:
    found = read_utilization(written(tmp_path, text))
    assert found.used == Used(4321, 2100, 12, Fraction(5, 2), 1)
    assert found.stage == stage and found.part == "xczu7ev-ffvc1156-2-e" and found.tool.startswith("Vivado v.2023.2")


@pytest.mark.parametrize("column", ["URAM | DSP Blocks", "DSP48 Blocks"])
def test_hierarchical_utilization_is_read(column: str, tmp_path: Path) -> None:
    text = HIERARCHICAL
    if column == "DSP48 Blocks":
        text = re.sub(r"\|\s*(URAM|0) \|(\s*\d+ \||\s*DSP Blocks \|)$", r"|\2", text, flags=re.MULTILINE)
        text = text.replace("DSP Blocks", "DSP48 Blocks")
    found = read_utilization(written(tmp_path, text))
    assert found.used == Used(800, 1000, 4, Fraction(5, 2), 0) and found.stage == "placed"
    assert found.parts["dense_cfg_LAYER_s"] == Used(400, 500, 2, Fraction(1, 2), 0)
    assert "isobit_top" in found.parts and found.parts["isobit_top"].lut == 800


def test_what_differs_is_named_and_layers_are_found(build: isobit.Build, tmp_path: Path) -> None:
    layer = layer_of(build)
    text = CSYNTH.replace("LAYER", layer).replace("xc7z020-clg400-1", "xczu7ev-ffvc1156-2-e")
    found = beside(build, read_csynth(written(tmp_path, text)))
    said = "\n".join(found.differences)
    assert "it is of part xczu7ev-ffvc1156-2-e, the build is for xc7z020clg400-1" in said
    assert "the period of 10 ns is not reached: 11.25 ns are estimated" in said
    assert f"a frame takes 41 clocks, {build.manifest.estimate.interval} by the declared schedules" in said
    assert re.search(r"2345 LUT where \d+ were estimated, [\d.]+ times the estimate", said)
    assert {p.name: p.reported for p in found.layers[layer]}["LUT"] == 777
    same = beside(build, read_csynth(written(tmp_path, CSYNTH)))
    assert not [d for d in same.differences if "part" in d]


def test_a_layer_is_not_taken_for_a_longer_name() -> None:
    modules = dict.fromkeys(("dense_cfg_n_1_MatMul_s", "dense_cfg_n_1_s", "fork_cfg_n_12_s", "add_cfg_q_U0"), Used())
    names = {"n_1": "dense_cfg_n_1_s", "n_1_MatMul": "dense_cfg_n_1_MatMul_s", "n_12": "fork_cfg_n_12_s"}
    assert {name: module_of(name, modules) for name in names} == names
    assert module_of("q", modules) == "add_cfg_q_U0" and module_of("n", modules) is None
    assert module_of("q", dict.fromkeys(("run_q_2", "cfg_q_run_q"), Used())) == "cfg_q_run_q"


def test_points_are_kept_once_and_their_spread_is_told(build: isobit.Build, tmp_path: Path) -> None:
    path, first = tmp_path / "points.tsv", beside(build, read_csynth(written(tmp_path, CSYNTH)))
    estimate = build.manifest.estimate.lut
    assert add_point(path, build, first)["LUT"] == (1, *[2345 / estimate] * 3)
    assert add_point(path, build, first)["LUT"][0] == 1
    placed = beside(build, read_utilization(written(tmp_path, HIERARCHICAL)))
    assert add_point(path, build, placed)["LUT"] == (1, *[800 / estimate] * 3)
    assert len(path.read_text().splitlines()) == 3
    written(tmp_path, "a\tb\n1\t2\n", "points.tsv")
    with pytest.raises(IsobitError, match=r"E620: .*no calibration file"):
        add_point(path, build, first)
    assert path.read_text() == "a\tb\n1\t2\n"


def test_the_command_shows_it(build: isobit.Build, tmp_path: Path) -> None:
    report = written(tmp_path, CSYNTH.replace("LAYER", layer_of(build)))
    done = command("report", build.path, "--csynth", report, "--calibration", tmp_path / "p.tsv")
    assert done.status == 0 and done.out.startswith("Vitis HLS 2023.2: HLS' estimate before synthesis")
    assert "whole design" in done.out and "LUT: 1 point, " in done.out
    content = json.loads(command("report", build.path, "--csynth", report, "--json").out)
    assert content["stage"] == "csynth" and layer_of(build) in content["layers"]
    assert command("report", build.path, "--calibration", tmp_path / "p.tsv").status == 2
    both = ["--csynth", report, "--utilization", report]
    assert command("report", build.path, *both).status == 2


@pytest.mark.parametrize(
    ("text", "reader"),
    [
        ("<profile></profile>", read_csynth),
        ("<profile>", read_csynth),
        ('<!DOCTYPE a [<!ENTITY b "c">]><profile></profile>', read_csynth),
        (FLAT, read_csynth),
        (CSYNTH, read_utilization),
        (FLAT.replace("CLB LUTs*", "ALMs"), read_utilization),
        (HIERARCHICAL.replace("Total LUTs", "ALMs"), read_utilization),
        ("", read_utilization),
    ],
)
def test_anything_else_is_refused(text: str, reader: object, tmp_path: Path) -> None:
    with pytest.raises(IsobitError, match="E620"):
        reader(written(tmp_path, text))  # type: ignore[operator]
    with pytest.raises(IsobitError, match="E620"):
        reader(tmp_path / "nowhere")  # type: ignore[operator]


@pytest.mark.parametrize("odd", ["\u00b2", "\u0663", "9" * 5000, "-1", "~0"])
def test_what_is_no_number_is_none(odd: str, tmp_path: Path) -> None:
    """Python's own conversions take other scripts' digits, or raise."""
    assert "<DSP>" in CSYNTH and re.search(r"\|\s*\d+ \|", HIERARCHICAL)
    assert read_csynth(written(tmp_path, re.sub("<DSP>.*?</DSP>", f"<DSP>{odd}</DSP>", CSYNTH))).used.dsp == 0
    for text in (FLAT, HIERARCHICAL):
        with pytest.raises(IsobitError, match="E620"):
            read_utilization(written(tmp_path, re.sub(r"(\|\s*)\d+(\s*\|)", rf"\g<1>{odd}\g<2>", text)))


def test_names_in_a_report_are_text_of_one_line(build: isobit.Build, tmp_path: Path) -> None:
    """A calibration file stays one, and a terminal gets no commands."""
    part = re.search("<Part>(.*?)</Part>", CSYNTH)
    assert part is not None
    report = read_csynth(written(tmp_path, CSYNTH.replace(part[1], "xc\t7\u2028z")))
    assert report.part == r"xc\t7\u2028z"
    found = read_utilization(written(tmp_path, re.sub(r"(Tool Version : ).*", "\\1\x1b[2J\tv", FLAT)))
    assert found.tool == r"\x1b[2J\tv"
    for _ in range(2):
        add_point(tmp_path / "points.tsv", build, beside(build, found))
    text = (tmp_path / "points.tsv").read_text()
    assert len(text.splitlines()) == 2
    (tmp_path / "points.tsv").write_text(text.replace(f"\t{found.used.lut}\t", "\tmany\t"))
    with pytest.raises(IsobitError, match=r"E620: .*no calibration file"):
        add_point(tmp_path / "points.tsv", build, beside(build, found))


def test_large_counts_keep_their_digits(build: isobit.Build) -> None:
    found = beside(build, VendorReport("Vivado", "", "placed", Used(lut=1_234_567)))
    assert any(line.startswith("1234567 LUT where") for line in found.differences)
