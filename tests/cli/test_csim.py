"""``isobit csim``: equal builds, and a name for everything that can go wrong in an edited one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isobit.backends.toolchain import find_compiler
from isobit.build.folder import load_build
from isobit.check.csim.stimuli import edge_and_random
from isobit.interp import Evaluator
from tests.cli.runner import Outcome, edited, isobit, isobit_process, multiplied, small_model, with_other_weight

TOP, PARAMETERS = "hls/top.cpp", "hls/parameters.hpp"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("csim")
    plan = multiplied(folder / "plan.toml")
    assert isobit("compile", small_model(folder), "-o", folder / "build", "--plan", plan).status == 0
    return folder / "build"


def simulated(build: Path, copy: Path, name: str, change: Callable[[str], str], *options: object) -> Outcome:
    return isobit("csim", edited(build, copy, name, change), "-n", 100, "--no-source", *options)


def after_layer(name: str, code: str) -> Callable[[str], str]:
    """Code put into the top function behind a layer, before its tap."""
    mark = f'  ISOBIT_TAP("{name}"'
    return lambda text: text.replace(mark, f"  {code}\n{mark}")


def test_equal_in_words_and_as_json(build: Path) -> None:
    done = isobit("csim", build, "-n", 300, "--checked", "--json")
    verdict = json.loads(done.out)
    assert done.status == 0 and verdict["equal"] and verdict["mismatch"] is None
    assert [(r["flavour"], r["vectors"], r["outputs"], r["mismatches"]) for r in verdict["runs"]] == [
        ("faithful", 300, 600, 0),
        ("checked", 300, 600, 0),
    ]
    source = verdict["source"]
    assert source["equal"] and source["exact_mismatches"] == 0 and source["exact_outputs"] == 64


def test_user_vectors_floats_or_integers(build: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    np.save(tmp_path / "floats.npy", rng.normal(size=(50, 4)).astype(np.float32))
    done = isobit("csim", build, "--inputs", tmp_path / "floats.npy")
    last = "EQUAL to exact arithmetic, but 4 of 100 outputs differ from"  # ties
    assert done.status == 0 and last in done.out.splitlines() and " 50 " in done.out and " 100 " in done.out


def test_one_array_of_an_archive(build: Path, tmp_path: Path) -> None:
    samples = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    np.savez(tmp_path / "data.npz", images=samples, labels=np.zeros(50))
    for place, status, words in (("data.npz:images", 0, "EQUAL"), ("data.npz", 2, "the file holds images, labels"),
                                 ("data.npz:rows", 2, "E607"), ("no.npz:images", 2, "E607")):  # fmt: skip
        done = isobit("csim", build, "--inputs", tmp_path / place, "--no-source")
        assert done.status == status and words in done.out + done.err


def test_an_altered_weight_is_named(build: Path, tmp_path: Path) -> None:
    done = simulated(build, tmp_path / "b", PARAMETERS, with_other_weight, "--json")
    found = json.loads(done.out)
    assert done.status == 1 and not found["equal"] and found["runs"][0]["mismatches"] > 0
    wrong = found["mismatch"]
    assert wrong["layer"] == "MatMul_2" and wrong["element"] == [0] and wrong["got"] != wrong["expected"]


def test_an_altered_step_is_named_with_its_accumulator(build: Path, tmp_path: Path) -> None:
    code = "for (int i = 0; i < 3; i++) { auto w = s_Quant_5.read(); if (i == 2) w.data[0] = 9; s_Quant_5.write(w); }"
    done = simulated(build, tmp_path / "b", TOP, after_layer("Quant_5", code))
    (line,) = [line for line in done.out.splitlines() if line.startswith("first mismatch: ")]
    assert done.status == 1 and "NOT EQUAL" in done.out
    assert "layer Quant_5, element [2]: expected " in line and "got 9 (accumulator " in line


def named(done: Outcome, *parts: str) -> bool:
    return done.status == 1 and done.err.startswith("E606: ") and all(part in done.err for part in parts)


def test_checked_names_the_layer_that_loses_a_bit(build: Path, tmp_path: Path) -> None:
    def narrowed(text: str) -> str:
        """The accumulator of MatMul_2 one bit narrower, in its streams and in all that they join."""
        declared = r"struct cfg_(?:MatMul_2|regroup_MatMul_2_x1|Quant_5) \{.*?\};|^[^\n]*\bs_MatMul_2(?:_x1)?\b[^\n]*;$"
        return re.sub(declared, lambda m: m[0].replace("ap_int<9>", "ap_int<8>"), text, flags=re.DOTALL | re.MULTILINE)

    done = simulated(build, tmp_path / "b", TOP, narrowed, "--checked")
    assert named(done, "lose bits", "layer=MatMul_2", "type=ap_int<8>", "checked build"), (done.out, done.err)


def test_reading_an_empty_stream_is_named(build: Path, tmp_path: Path) -> None:
    done = simulated(build, tmp_path / "b", TOP, after_layer("Quant_5", "s_pixels.read();"))
    assert named(done, "read from an empty stream", "s_pixels"), done.err


def test_a_leftover_in_a_stream_is_named(build: Path, tmp_path: Path) -> None:
    done = simulated(build, tmp_path / "b", TOP, after_layer("Quant_5", "frame_end.write(1);"))
    assert named(done, "held words", "frame_end"), done.err


def test_a_stream_that_grows_for_ever_is_named(build: Path, tmp_path: Path) -> None:
    done = simulated(build, tmp_path / "b", TOP, after_layer("Quant_5", "for (;;) frame_end.write(1);"))
    assert named(done, "grew without bound", "frame_end"), done.err


def test_a_run_that_never_ends_is_named(build: Path, tmp_path: Path) -> None:
    code = "for (volatile int i = 0;; i = 1) {}"
    done = simulated(build, tmp_path / "b", TOP, after_layer("Quant_5", code), "--timeout", 1)
    assert named(done, "did not end within 1 s", "faithful build", "--timeout"), done.err


def test_code_that_does_not_compile_is_refused_with_its_first_error(build: Path, tmp_path: Path) -> None:
    done = simulated(build, tmp_path / "b", TOP, after_layer("Quant_5", "no_such_function();"))
    assert done.status == 2 and done.err.startswith("E605: ") and "no_such_function" in done.err


@pytest.mark.parametrize("synthesised", [False, True])
def test_the_generated_makefile_simulates_the_project(build: Path, tmp_path: Path, synthesised: bool) -> None:
    """Also in the form that is synthesised: constants of ap_uint words, counters of few bits."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    folder = edited(build, tmp_path / "b", TOP, lambda text: text + "\n") / "hls"
    settings = isobit_process("paths").out.split()
    if synthesised:
        form = tmp_path / "form.hpp"
        headers = ("ap_int.h", "hls_stream.h", "ap_axi_sdata.h")
        form.write_text("".join(f"#include <{name}>\n" for name in headers) + "#define __SYNTHESIS__\n")
        settings.append(f"CXX={find_compiler()} -include {form}")
    done = subprocess.run(["make", "csim", *settings], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "isobit: 16 frames equal" in done.stdout, done.stderr


def test_taps_are_what_the_interpreter_computes(build: Path, tmp_path: Path) -> None:
    taps = tmp_path / "taps.npz"
    assert isobit("csim", build, "-n", "20", "--no-source", "--taps", taps).status == 0
    graph = load_build(build).graph
    (node,) = graph.inputs
    integers = edge_and_random(node, 20, np.random.default_rng(0))[:16]
    expected = Evaluator(graph).run({node.name: integers}, taps=True)
    with np.load(taps) as archive:
        assert set(archive.files) == {n.name for n in graph.nodes if n.op not in ("const", "output")}
        for name in archive.files:
            assert np.array_equal(archive[name], expected[name]), name


def test_taps_that_cannot_be_written_are_refused(build: Path, tmp_path: Path) -> None:
    run = isobit("csim", build, "-n", "2", "--no-source", "--taps", tmp_path / "missing" / "taps.npz")
    assert run.status == 2
    assert "E601" in run.err
