"""The seam between the compiler and its back ends: a second back end works through the public functions alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from backends.interpreter_backend import NAME, InterpreterDesign, Request, known

import isobit
from isobit import demo
from isobit.backends.base import Backend
from isobit.backends.dataflow.design import Design
from isobit.backends.registry import backend_names, find_backend
from isobit.check.csim.bounded import bounded_csim
from isobit.cli.terminal import Console
from isobit.report.page import html_page
from isobit.report.result import report
from isobit.report.text import build_table, explain_layer
from isobit.subprocesses import processors
from tests.cli.runner import isobit as isobit_command
from tests.cli.runner import small_model


@pytest.fixture(autouse=True)
def interpreter() -> Iterator[Backend[Request, Request, InterpreterDesign]]:
    with known() as backend:
        yield backend


def test_a_second_back_end_compiles_loads_and_simulates(tmp_path: Path) -> None:
    build = isobit.compile(demo.MODEL, tmp_path / "build", backend=NAME)
    assert sorted(p.name for p in build.path.iterdir()) == ["graph.txt", "manifest.json", "proofs.json", "source.onnx"]
    loaded = isobit.load(build.path)
    assert (loaded.backend.name, loaded.manifest.backend) == (NAME, NAME)
    assert loaded.manifest == build.manifest and loaded.design == build.design
    result = isobit.csim(loaded, vectors=32)
    assert result.equal and [run.flavour for run in result.runs] == ["interpreted"]
    assert result.source is not None and result.source.exact_outputs > 0


def test_its_graph_is_that_of_every_back_end(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    both = [isobit.compile(model, tmp_path / name, backend=name) for name in backend_names()]
    assert len({build.graph.digest for build in both}) == 1
    assert [isinstance(b.design, Design) for b in both] == [name == "dataflow" for name in backend_names()]


def test_its_faults_are_found_and_located(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    (output,) = isobit.compile(model, tmp_path / "right", backend=NAME).graph.outputs
    request = Request(wrong=(output.name, 1))
    build = isobit.compile(model, tmp_path / "wrong", backend=NAME, plan_request=request)
    result = isobit.csim(build, vectors=8, source=False)
    parts = -(-8 // -(-8 // processors()))  # each of which has a first integer
    assert not result.equal and result.runs[0].mismatches == parts
    assert result.mismatch is not None and result.mismatch.got == result.mismatch.expected + 1


def test_taps_are_every_value_of_the_graph(tmp_path: Path) -> None:
    build = isobit.compile(small_model(tmp_path), tmp_path / "build", backend=NAME)
    isobit.csim(build, vectors=4, source=False, taps=tmp_path / "taps.npz")
    with np.load(tmp_path / "taps.npz") as taps:
        assert {n.name for n in build.graph.nodes if n.op not in ("const", "output")} <= set(taps.files)


def test_views_show_what_it_has(tmp_path: Path) -> None:
    build = isobit.compile(small_model(tmp_path), tmp_path / "build", backend=NAME)
    assert isobit.lint(build) == () and isobit.verify(build.path).holds
    page = html_page(report(build))
    console = Console(width=100)
    with console.capture() as shown:
        console.print(build_table(build), explain_layer(build, build.graph.nodes[-1].name))
    for node in build.graph.inputs:
        assert node.name in page and node.name in shown.get()


def test_what_it_has_not_is_refused_by_name(tmp_path: Path) -> None:
    build = isobit.compile(small_model(tmp_path), tmp_path / "build", backend=NAME)
    for ask in (
        lambda: isobit.fifos(build),
        lambda: isobit.package(build, tmp_path / "package"),
        lambda: bounded_csim(build),
    ):
        with pytest.raises(isobit.IsobitError) as error:
            ask()
        assert error.value.code == "E509" and NAME in str(error.value)
    assert not (tmp_path / "package").exists()


def test_an_unknown_back_end_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(isobit.IsobitError, match=rf"E508.*'x'.*\n.*dataflow, .*{NAME}"):
        isobit.compile(tmp_path / "no file", tmp_path / "build", backend="x")
    build = isobit.compile(small_model(tmp_path), tmp_path / "build", backend=NAME)
    manifest = json.loads((build.path / "manifest.json").read_text(encoding="utf-8"))
    (build.path / "manifest.json").write_text(json.dumps(manifest | {"backend": "x"}), encoding="utf-8")
    with pytest.raises(isobit.IsobitError, match=r"E608.*no back end 'x'"):
        isobit.load(build.path)


def test_every_back_end_has_every_member() -> None:
    wanted = {name for name in vars(Backend) if not name.startswith("_")}
    for name in backend_names():
        assert all(hasattr(find_backend(name), member) for member in wanted)


def test_the_command_line_picks_it_by_name(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    done = isobit_command("compile", model, "-o", tmp_path / "build", "--backend", NAME)
    assert done.status == 0 and isobit.load(tmp_path / "build").backend.name == NAME


def test_the_command_line_refuses_a_name_before_any_work_and_guesses_what_was_meant(tmp_path: Path) -> None:
    done = isobit_command("compile", tmp_path / "no file", "-o", tmp_path / "build", "--backend", "dataflo")
    assert done.status == 2 and "E508" in done.err and "did you mean dataflow?" in done.err
    assert not (tmp_path / "build").exists()


def test_options_of_another_back_end_are_refused_by_name(tmp_path: Path) -> None:
    options = ("--backend", NAME, "--target-ii", 64, "--max-util", 0.5)
    done = isobit_command("compile", tmp_path / "no file", "-o", tmp_path / "build", *options)
    assert done.status == 2 and f"--max-util, --target-ii: {NAME} has no such option" in done.err
