"""Counts, foldings, notes, and what the report shows of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from torch import nn

import isobit
from isobit import demo
from isobit.errors import IsobitError
from isobit.ir.ops import Const
from isobit.report.counts import counts, total
from isobit.report.page import html_page
from isobit.report.result import report
from tests.cli.runner import isobit as run


@pytest.fixture(scope="module")
def build() -> isobit.Build:
    return isobit.compile(demo.MODEL)


def test_counts_are_those_of_the_layers(build: isobit.Build) -> None:
    rows = {row.layer: row for row in counts(build.graph)}
    first = rows["n_1_MatMul"]
    assert (first.macs, first.parameters, first.parameter_bits) == (64 * 64, 64 * 64, 64 * 64 * 4)
    assert (first.values, first.value_bits) == (64, 64 * 13)
    constants = [build.graph.types[n.name] for n in build.graph.nodes if isinstance(n, Const)]
    summed = total(rows.values())
    assert summed.parameters == sum(kind.size for kind in constants)
    assert summed.macs == 64 * 64 + 64 * 32 + 32 * 10
    assert "all" in (shown := run("show", build.path, "--counts").out) and "25,856" in shown
    assert run("show", demo.MODEL, "--counts").out == shown


def test_a_dense_layer_lists_its_foldings(build: isobit.Build) -> None:
    lines = run("explain", build.path, "n_7_MatMul").out.splitlines()
    rows = [line.split() for line in lines if re.match(r"\*?\d+ x \d+ ", line)]
    chosen = next(row for row in rows if row[0].startswith("*"))
    assert chosen[:4] == ["*5", "x", "4", "16"] and len(rows) > 4
    clocks, luts = ([int(row[i]) for row in rows] for i in (3, 4))
    assert clocks == sorted(clocks, reverse=True) and clocks[0] == 320 and clocks[-1] == 1
    record = build.manifest.project.layers["n_7_MatMul"]
    assert (int(chosen[3]), int(chosen[4])) == (record.cycles, record.cost.lut)
    assert luts[-1] > luts[0]


def test_the_report_counts_marks_and_draws(build: isobit.Build) -> None:
    made = report(build)
    page = html_page(made)
    assert made.pace is not None and made.operators["Quant"] == 7 and sum(made.operators.values()) > 10
    slowest = next(row for row in made.summary.layers if row.name == made.pace.name)
    assert f"*{slowest.cycles:,}</td>" in page
    for part in (
        "multiply-accumulates",
        "7 Quant",
        "<h2>Weights</h2>",
        "<h2>Activations</h2>",
        'id="zoom-2"',
        "%</small>",
    ):
        assert part in page
    assert [h.layer for h in made.weights] == ["n_1_MatMul", "n_4_MatMul", "n_7_MatMul"]
    weights = build.graph.by_name["n_1_MatMul_w"]
    assert isinstance(weights, Const)
    first = made.weights[0]
    assert (first.lo, first.hi, first.width) == (-8, 7, 1)
    assert list(first.counts) == [int((weights.value == v).sum()) for v in range(-8, 8)]
    assert [h.layer for h in made.activations] == ["n_input", "n_3_Quant", "n_6_Quant", "n_9_Quant"]


def network() -> nn.Sequential:
    torch.manual_seed(2)
    dense = qnn.QuantLinear(8, 6, bias=False, weight_bit_width=4)
    return nn.Sequential(qnn.QuantIdentity(bit_width=8), dense, qnn.QuantReLU(bit_width=4))


def test_an_untrained_network_compiles_with_a_note(tmp_path: Path) -> None:
    module = network()
    with pytest.warns(UserWarning, match="looks untrained: every activation quantiser"):
        build = isobit.compile(module)
    lines = build.summary().splitlines()
    assert lines.index("NOTE: this model looks untrained:") < next(i for i, line in enumerate(lines) if "───" in line)
    module(torch.randn(50, 8))
    build = isobit.compile(module.eval(), tmp_path / "b")
    assert "untrained" not in build.summary() and not report(build).notes
    module.insert(2, nn.BatchNorm1d(6).eval())
    assert "no BatchNorm has the statistics of any sample" in isobit.compile(module.eval()).summary()
    module.train()(torch.randn(50, 8))
    assert "untrained" not in isobit.compile(module.eval()).summary()


def test_layers_are_a_table_everywhere(build: isobit.Build) -> None:
    layers = build.layers
    rows = layers.rows()
    assert len(rows) == len(layers) == 8 and layers["n_1_MatMul"] == layers[1] and len(layers[2:4]) == 2
    assert (rows[1]["layer"], rows[1]["PE x SIMD"], rows[1]["clocks"]) == ("n_1_MatMul", "16 x 16", 16)
    assert sum(row["LUT"] for row in rows) == sum(dict(layer.cost).get("LUT", 0) for layer in layers)
    html = layers._repr_html_()
    assert html.count("<tr>") == 9 and "n_1_MatMul" in html and "n_1_MatMul" in repr(layers)
    with pytest.raises(IsobitError, match="E609") as refusal:
        layers["n_1_MatMull"]
    assert "did you mean 'n_1_MatMul'" in refusal.value.hint


def test_layers_as_a_data_frame(build: isobit.Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(IsobitError, match=r"E303: .*pandas"):
        build.layers.to_pandas()
    monkeypatch.undo()
    pytest.importorskip("pandas", reason="NOT TESTED: pandas is not installed")
    frame = build.layers.to_pandas()
    assert frame.loc["n_1_MatMul", "clocks"] == 16 and len(frame) == 8


def test_a_notebook_shows_plan_and_report(build: isobit.Build, tmp_path: Path) -> None:
    assert repr(build.plan) == (build.path / "plan.toml").read_text()
    page = build.report()
    assert page.html == html_page(report(build)) and page.save(tmp_path / "r.html").read_text() == page.html
    framed = page._repr_html_()
    assert framed.startswith("<iframe sandbox srcdoc=") and "<script" not in framed and len(repr(page)) < 80
    content = json.loads(run("report", build.path, "--json").out)
    assert [row["layer"] for row in content["counts"]] == [row.layer for row in counts(build.graph)]
    assert np.sum(content["weights"][0]["counts"]) == 64 * 64
