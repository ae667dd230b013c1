"""The hls4ml back end through the public functions: one build, its project, its simulation and its verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import isobit
from isobit.backends.hls4ml.plan import LayerRequest, Request
from isobit.cli.terminal import Console
from isobit.interp import Evaluator
from isobit.ir import Graph
from isobit.report.page import html_page
from isobit.report.result import report
from isobit.report.text import build_table, explain_layer
from tests.cli.runner import edited, small_model, tree
from tests.cli.runner import isobit as isobit_command

TRACED = 4


def _linear(graph: Graph) -> str:
    """The first layer that multiplies."""
    return next(node.name for node in graph.nodes if node.op == "linear")


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> isobit.Build:
    folder = tmp_path_factory.mktemp("hls4ml")
    return isobit.compile(small_model(folder), folder / "build", backend="hls4ml")


@pytest.fixture(scope="module")
def simulated(build: isobit.Build) -> isobit.Build:
    """The build, its simulation compiled and kept."""
    result = isobit.csim(build, vectors=64, taps=build.path.parent / "taps.npz")
    assert result.equal and [run.flavour for run in result.runs] == ["faithful"]
    assert result.source is not None and result.source.exact_outputs > 0
    return build


def test_hls4mls_trace_is_the_interpreters(simulated: isobit.Build) -> None:
    with np.load(simulated.path.parent / "taps.npz") as taps:
        values = {name: taps[name] for name in taps.files}
    inputs = {node.name: values[node.name] for node in simulated.graph.inputs if node.name in values}
    assert len(values) - len(inputs) == TRACED
    (port,) = [p for p in simulated.ports if p.is_input]
    integers = isobit.check.csim.run.input_integers(simulated, None, 64, 0)
    wanted = Evaluator(simulated.graph).run(integers, taps=True)
    assert port.node in wanted
    for name, found in values.items():
        assert np.array_equal(found, wanted[name][: len(found)]), name


def test_a_users_own_inputs(simulated: isobit.Build) -> None:
    x = np.random.default_rng(1).normal(0, 2, (5, 4)).astype(np.float32)
    assert isobit.csim(simulated, inputs=x).equal


def test_a_wrong_weight_is_found_and_located(simulated: isobit.Build, tmp_path: Path) -> None:

    def raised(text: str) -> str:
        first, _, rest = text.partition(",")
        return f"{int(first) + 1},{rest}"

    wrong = edited(simulated.path, tmp_path / "wrong", "hls4ml/firmware/weights/w2.txt", raised)
    result = isobit.csim(isobit.load(wrong), vectors=64, source=False)
    assert not result.equal and result.mismatch is not None and result.mismatch.layer == _linear(simulated.graph)


def test_two_builds_are_the_same_bytes_and_name_no_place(build: isobit.Build, tmp_path: Path) -> None:
    again = isobit.compile(small_model(tmp_path), tmp_path / "again", backend="hls4ml")
    both = [
        {n: b for n, b in tree(one.path).items() if not n.startswith(("simulations/", "csim"))}
        for one in (build, again)
    ]
    assert both[0] == both[1]
    config = both[0]["hls4ml/hls4ml_config.yml"].decode()
    assert "OutputDir: .\n" in config and not any(b"/tmp/" in content for content in both[0].values())


def test_it_is_an_hls4ml_project_with_our_layers(build: isobit.Build) -> None:
    files = tree(build.path)
    top = files["hls4ml/firmware/isobit_network.cpp"].decode()
    assert top.count("nnet::dense<") == 2 and top.count("isobit::map<") == 2
    for name in (
        "build_prj.tcl",
        "project.tcl",
        "build_lib.sh",
        "isobit_network_test.cpp",
        "tb_data/tb_input_features.dat",
    ):
        assert f"hls4ml/{name}" in files
    types = files["hls4ml/firmware/defines.h"].decode()
    assert "ap_fixed<" not in types.partition("hls-fpga-machine-learning insert layer-precision")[2]


def test_it_is_loaded_with_the_design_it_was_written_with(build: isobit.Build) -> None:
    loaded = isobit.load(build.path)
    assert loaded.manifest == build.manifest and loaded.ports == build.ports
    manifest = json.loads((build.path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["project"]["io_type"] == "io_parallel"


def test_views(build: isobit.Build) -> None:
    assert isobit.verify(build.path).holds and isobit.lint(build) == ()
    page, console = html_page(report(build)), Console(width=100)
    with console.capture() as shown:
        console.print(build_table(build), explain_layer(build, _linear(build.graph)))
    assert "Latency, reuse factor 1" in shown.get() and "vitis-run" in shown.get() and "latency" in page


def test_plan_entries_become_hls4mls(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    graph = isobit.compile(model, tmp_path / "plain", backend="hls4ml").graph
    first, second = (node.name for node in graph.nodes if node.op == "linear")
    step = next(node.name for node in graph.nodes if node.op == "step")
    layers = {
        first: LayerRequest("Resource", 4),
        second: LayerRequest(reuse=3),
        step: LayerRequest(implementation="lookup"),
    }
    build = isobit.compile(
        model, tmp_path / "planned", backend="hls4ml", plan_request=Request(io_type="io_stream", layers=layers)
    )
    text = tree(build.path)["hls4ml/firmware/parameters.h"].decode()
    found = [line.split("=")[1].strip(" ;") for line in text.splitlines() if "unsigned reuse_factor" in line]
    assert found == ["4", "3"] and "DenseResource_rf_leq_nin" in text and "isobit::lookup" in text
    assert {n: (build.manifest.project.layers[n].implementation) for n in (first, step)} == {
        first: "resource", step: "lookup",
    }  # fmt: skip
    assert build.manifest.estimate.interval == 4


def test_the_command_line(build: isobit.Build, simulated: isobit.Build) -> None:
    done = isobit_command("csim", simulated.path, "-n", 8)
    assert done.status == 0 and "EQUAL" in done.out.upper()
    refused = isobit_command("csim", simulated.path, "--checked")
    assert refused.status == 2 and "E509" in refused.err
