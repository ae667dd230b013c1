"""The result object: it says what the build's own files say, and the views hold all of it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from isobit import demo
from isobit.build.folder import Build, load_build
from isobit.check.csim.last import Record, SourceCounts
from isobit.check.csim.run import input_integers
from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from isobit.hardware.counted import bars, sentence
from isobit.interp import Evaluator
from isobit.ir.ops import Linear
from isobit.report.page import html_page
from isobit.report.result import Report, report, summarise
from tests.cli.runner import isobit
from tests.onnx_builder import Net


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("report") / "build"
    assert isobit("compile", demo.MODEL, "-o", folder).status == 0
    return load_build(folder)


def test_the_summary_is_the_manifest(build: Build) -> None:
    summary, manifest = summarise(build), build.manifest
    assert [layer.name for layer in summary.layers if layer.built_as] == [
        n.name for n in build.graph.nodes if n.name in manifest.project.layers
    ]
    used = {r.name: r.used for r in summary.resources}
    assert (used["LUT"], used["DSP"]) == (manifest.estimate.lut, manifest.estimate.dsp)
    assert {r.name: r.error for r in summary.resources if r.error} == bars()
    assert sentence(bars()) in html_page(report(build))
    for name in ("LUT", "DSP"):
        assert sum(dict(layer.cost).get(name, 0) for layer in summary.layers) <= used[name], "plumbing costs too"
    dense = next(layer for layer in summary.layers if layer.name == "n_1_MatMul")
    assert (dense.inputs, dense.built_as, dense.interval) == (("n_input",), "dense", (-3534, 3565))


def test_products_that_share_a_dsp_have_an_error_bar_of_their_own(tmp_path: Path) -> None:
    net = Net(["N", 12])
    weights = np.random.default_rng(2).integers(-127, 128, (12, 8))
    net.op("MatMul", net.quant("x", 1.0), net.quant(weights, 1.0))
    path, plan = net.save(tmp_path), tmp_path / "plan.toml"
    (name,) = (n.name for n in import_onnx(path).nodes if isinstance(n, Linear))
    for multiplier, shown in (("single", bars()), ("packed", bars(packs=True))):
        plan.write_text(f'[layers.{name}]\npe = 4\nsimd = 3\nmultiplier = "{multiplier}"\n')
        build, board = tmp_path / multiplier, "zcu104"
        assert isobit("compile", path, "-o", build, "--plan", plan, "--board", board).status == 0
        made = load_build(build)
        assert {r.name: r.error for r in summarise(made).resources if r.error} == shown
        assert sentence(shown) in html_page(report(made))


def test_fifos_are_those_of_the_top_function(build: Build) -> None:
    top = (build.hls / "top.cpp").read_text()
    declared = {m[1]: int(m[2]) for m in re.finditer(r"#pragma HLS STREAM variable=(\w+) depth=(\d+)", top)}
    fifos = summarise(build).fifos
    assert {f.name: f.depth for f in fifos} == declared
    (first,) = [f for f in fifos if f.name == "s_n_input"]
    assert (first.bits, first.lanes) == (5, 8)


def test_multiplicands_are_those_of_the_graph_and_proven(build: Build) -> None:
    proofs = report(build).proofs
    assert [p.step for p in proofs] == ["n_3_Quant", "n_6_Quant", "n_9_Quant"]
    for proof in proofs:
        curves = build.graph.by_name[proof.step].attributes()["curves"]
        assert (proof.bits, proof.shifts) == (max(c.m for c in curves).bit_length(), (curves[0].k,))
        assert (proof.wrong, proof.problem) == (0, "") and proof.points > 2 * proof.channels


def test_histograms_count_what_the_interpreter_computes(build: Build) -> None:
    expected = Evaluator(build.graph).run(input_integers(build, None, 256, seed=0), taps=True)
    made = report(build).histograms
    assert [h.layer for h in made] == ["n_1_MatMul", "n_4_MatMul", "n_7_MatMul"]
    for h in made:
        values = expected[h.layer]
        assert (h.lo, h.hi) == build.graph.types[h.layer].bounds
        assert (h.least, h.greatest) == (values.min(), values.max())
        edges = [h.lo + i * h.width for i in range(len(h.counts) + 1)]
        assert edges[-2] <= h.hi < edges[-1]
        assert list(h.counts) == np.histogram(values, [e - 0.5 for e in edges])[0].tolist()


def test_histograms_of_the_users_samples(build: Build) -> None:
    samples = np.load(demo.SAMPLES)["x"][:20]
    integers = input_integers(build, samples, None, seed=0)
    wanted = Evaluator(build.graph).run(integers, taps=True)["n_4_MatMul"]
    (found,) = [h for h in report(build, samples).histograms if h.layer == "n_4_MatMul"]
    assert (sum(found.counts), found.least, found.greatest) == (wanted.size, wanted.min(), wanted.max())


def test_json_holds_the_whole_report(build: Build) -> None:
    done = isobit("report", build.path, "--json")
    content = json.loads(done.out)
    assert (done.status, content.pop("format")) == (0, 4)
    assert TypeAdapter(Report).validate_python(content) == report(build)


def test_inputs_that_do_not_fit_are_refused(build: Build, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 3), np.float32))
    done = isobit("report", build.path, "--inputs", tmp_path / "x.npy")
    assert done.status == 2 and done.err.startswith("E607: ")


@pytest.mark.parametrize(
    "edit",
    [
        lambda m: m["project"]["layers"]["n_1_MatMul"].update(cycles="x"),
        lambda m: m["project"]["layers"]["n_1_MatMul"].update(pe="many"),
        lambda m: m["project"]["layers"]["n_1_MatMul"].pop("cost"),
        lambda m: m["estimate"].update(interval=None),
        lambda m: m.update(board=[]),
    ],
)
def test_an_edited_manifest_is_refused(build: Build, tmp_path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    wrong = Path(shutil.copytree(build.path, tmp_path / "b"))
    manifest = json.loads((wrong / "manifest.json").read_text())
    edit(manifest)
    (wrong / "manifest.json").write_text(json.dumps(manifest))
    done = isobit("report", wrong)
    assert done.status == 2 and done.err.startswith("E608: ") and not (wrong / "report.html").exists()


def test_a_report_without_a_verdict_says_so(build: Build) -> None:
    made = report(build)
    assert made.csim is None and made.bounded is None
    with pytest.raises(IsobitError, match="E603"):
        load_build(build.path / "hls")


def test_the_claim_is_what_was_compared(build: Build) -> None:
    made = report(build)
    counts = SourceCounts(1, 0, 1, 1, 0, 0, "")
    both, cpp_only = Record("", "equal", source=counts), Record("", "equal")
    changed = replace(made.proofs[0], wrong=3)
    assert replace(made, csim=both).claim == made.claim == "C++ = graph = source"
    assert replace(made, csim=cpp_only).claim == "C++ = graph"
    assert replace(made, csim=both, proofs=(changed,)).claim == "C++ = graph"
    page = html_page(replace(made, csim=both, proofs=(changed,)))
    assert "Source = graph before the budget" in page and "exactly the accumulators counted as changed" in page
    wrong = replace(made.proofs[0], problem="channel 3: at <5>")
    assert "fails: channel 3: at &lt;5&gt;" in html_page(replace(made, proofs=(wrong,)))
