"""A residual join of unrelated scales from the file to the page: short coefficients, their proof, the same integers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import isobit as isobit_package
from isobit.build.folder import Build
from isobit.report.page import html_page
from isobit.report.result import report
from tests.cli.runner import isobit
from tests.onnx_builder import Net, save

WEIGHTS = [[1.0, -0.5, 0.5], [0.5, 1.5, -1.0], [-1.5, 0.5, 1.0]]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("join")
    net = Net([1, 3])
    x = net.quant("x", 0.0712341, 0.0, 4)
    branch = net.quant(net.op("MatMul", x, net.quant(WEIGHTS, 0.5, 0.0, 4)), 0.1987123, 0.0, 4)
    net.quant(net.op("Add", branch, x), 0.1653219, 0.0, 4)
    return isobit_package.compile(save(net.model(), folder), folder / "build")


def test_the_coefficients_are_short_and_the_integers_the_source_s(build: Build) -> None:
    (found,) = report(build).sums
    assert found.exact_bits > 20 and found.bits <= 6 and found.problem == ""
    result = isobit_package.csim(build, vectors=500)
    assert result.equal and result.source is not None and result.source.exact_outputs > 0


def test_verify_prints_them(build: Build) -> None:
    shown = isobit("verify", build.path)
    assert shown.status == 0 and "source's bits" in shown.out and "EVERY PROOF HOLDS" in shown.out
    as_json = json.loads(isobit("verify", build.path, "--json").out)
    assert [s["problem"] for s in as_json["sums"]] == [""]


def test_the_page_shows_them(build: Build) -> None:
    made = report(build)
    assert "<h2>Sums</h2>" in html_page(made)
    broken = replace(made.sums[0], problem="channel 0: <b>")
    assert "fails: channel 0: &lt;b&gt;" in html_page(replace(made, sums=(broken,)))
    assert "<h2>Sums</h2>" not in html_page(replace(made, sums=()))
