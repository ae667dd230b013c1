"""The Python package's own face: keywords, sources, builds by path, wrong arguments."""

from __future__ import annotations

import gc
import inspect
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import onnx
import pytest
from backends.interpreter_backend import NAME, known
from typer.main import get_command

import isobit
from isobit.api.arguments import assignments, shape_of
from isobit.cli.main import app
from isobit.errors import did_you_mean
from isobit.hardware import board_names
from isobit.kinds import READ
from tests.cli.runner import isobit as command
from tests.cli.runner import small_model, tree


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="module")
def build(model: Path) -> isobit.Build:
    return isobit.compile(model, model.parent / "build")


def code_of(action: Any) -> str:
    with pytest.raises(isobit.IsobitError) as refused:
        action()
    return str(refused.value)


def test_the_command_line_takes_nothing_that_python_does_not() -> None:
    options = {str(p.name) for p in get_command(app).commands["compile"].params}  # type: ignore[attr-defined]
    renamed = {"model": "source", "clock": "clock_mhz", "arg": "arguments"}
    wanted = {renamed.get(name, name) for name in options - {"docker", "memory", "wide", "as_json", "help"}}
    assert wanted <= set(inspect.signature(isobit.compile).parameters)


def test_keywords_are_the_options(model: Path, tmp_path: Path) -> None:
    options = {
        "board": "zcu104",
        "target_fps": 1e6,
        "target_ii": 64,
        "max_util": 0.5,
        "fifos": "least",
        "clock_mhz": 150,
    }
    words = [w for name, value in options.items() for w in (f"--{name.removesuffix('_mhz').replace('_', '-')}", value)]
    build = isobit.compile(model, tmp_path / "a", **options)  # type: ignore[arg-type]
    assert command("compile", model, "-o", tmp_path / "b", *words).status == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert build.manifest.board.clock_mhz == 150 and build.manifest.estimate.interval <= 64
    again = isobit.compile(model, tmp_path / "c", plan=tmp_path / "a" / "plan.toml", clock_mhz=150, board="zcu104")
    assert again.manifest.board.clock_mhz == 150


def test_a_model_in_memory_is_the_model_in_its_file(model: Path, build: isobit.Build) -> None:
    proto = onnx.load(str(model))

    class ModelWrapper:
        """What qonnx calls a model."""

        def __init__(self, model: onnx.ModelProto) -> None:
            self.model = model

    for source in (proto, model.read_bytes(), ModelWrapper(proto), str(model)):
        with known():
            made = isobit.compile(source, backend=NAME)
            assert made.graph.digest == build.graph.digest


def test_a_temporary_build_lives_as_long_as_it_is_held(model: Path) -> None:
    made = isobit.compile(model)
    place = made.path
    assert isobit.load(place).graph.digest == made.graph.digest
    del made
    gc.collect()
    assert not place.exists() and not place.parent.exists()


def test_a_refused_temporary_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert code_of(lambda: isobit.compile(tmp_path / "no.onnx")).startswith("E101")
    assert not list(tmp_path.iterdir())


def test_functions_take_a_build_or_its_path(build: isobit.Build, tmp_path: Path) -> None:
    x = np.zeros((3, 4), np.float32)
    np.save(tmp_path / "x.npy", x)
    expected = build.predict(x, graph=True)
    for where in (build, build.path, str(build.path)):
        assert np.array_equal(isobit.predict(where, tmp_path / "x.npy", graph=True), expected)
        assert isobit.lint(where) == () and isobit.verify(where).holds
    assert "isobit.compile or isobit.load" in code_of(lambda: isobit.csim(3))  # type: ignore[arg-type]
    assert code_of(lambda: isobit.load(tmp_path)).startswith("E603")


def test_a_build_says_what_it_is_in_one_line(build: isobit.Build) -> None:
    text = repr(build)
    assert "\n" not in text and len(text) < 300 and "model.onnx on pynq-z1" in text and str(build.path) in text
    assert "one frame every" in build.summary() and build.summary().count("\n") == repr(build.summary()).count("\n") > 5
    assert next(layer.name for layer in build.layers) in build.summary()
    assert [board.name for board in isobit.boards()] == board_names()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target_fsp": 1}, "E613: .*target_fsp.*\n.*\n.*did you mean 'target_fps'"),
        ({"board": "pynq-z7"}, "E501: .*\n.*did you mean 'pynq-z"),
        ({"board": 3}, "E613: .*board = 3\n.*isobit.boards"),
        ({"clock_mhz": 0}, "E501: .*0 MHz"),
        ({"clock_mhz": "fast"}, "E613: .*'fast'"),
        ({"max_util": 2}, "E613: .*max_util"),
        ({"max_util": True}, "E613: .*max_util"),
        ({"target_ii": 1.5}, "E613: .*\n.*a whole number"),
        ({"target_fps": float("inf")}, "E613"),
        ({"fifos": "last"}, "E503: .*\n.*did you mean 'least'"),
        ({"exporter": "torch"}, "E302: .*\n.*did you mean 'torchscript'"),
        ({"input_shape": "1,x"}, "E106"),
        ({"input_shape": (1.5,)}, "E106"),
        ({"input_scale": 0.1}, "E613: .*input_scale"),
        ({"samples": "reals"}, "E607"),
        ({"arguments": {"bits": 4}}, "E301: .*factory"),
        ({"input_shape": 5}, "E106: .*\\(4,\\), not \\(5,\\)"),
        ({"input_shape": "pixel=4"}, "E106: .*\n.*did you mean"),
        ({"input_scale": "1/255"}, "E209: .*without a type"),
        ({"backend": "x"}, "E508"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(model: Path, tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(isobit.IsobitError, match=words):
        isobit.compile(model, tmp_path / "build", **options)
    assert not (tmp_path / "build").exists()


def test_a_wrong_call_is_no_type_error(build: isobit.Build) -> None:
    assert code_of(isobit.csim).startswith("E613")
    assert "did you mean 'vectors'" in code_of(lambda: isobit.csim(build, vector=3))  # type: ignore[call-arg]
    assert "did you mean 'graph'" in code_of(lambda: build.predict([0], graf=True))  # type: ignore[call-arg]
    assert code_of(lambda: isobit.compile(3)).startswith("E301")
    assert "give an instance" in code_of(lambda: isobit.compile(type("Net", (), {"forward": None})))


def test_no_argument_of_another_kind_reaches_any_work(build: isobit.Build) -> None:
    """Whatever is annotated is enforced, for every function of the package; the files named here are not there."""
    functions = [getattr(isobit, name) for name in isobit.__all__]
    functions = [f for f in functions if inspect.isfunction(f)] + [build.predict, build.accuracy, build.report]
    refused = 0
    for function in functions:
        hints = get_type_hints(function, include_extras=True)
        needed = {p.name: 8 if p.name == "bits" else "nowhere" for p in inspect.signature(function).parameters.values()
                  if p.default is p.empty and p.name != "self"}  # fmt: skip
        for name in inspect.signature(function).parameters.keys() - {"self"}:
            if hints[name] is Any or READ in getattr(hints[name], "__metadata__", ()):
                continue
            for value in (object(), 1j, [[]], b"x", "\0", np.zeros((2, 2))):
                said = code_of(lambda f=function, k=needed | {name: value}: f(**k))
                assert said.startswith("E613: ") and f": {name} = " in said and "\n  help: " in said, said
                refused += 1
    assert refused > 300


def test_numbers_of_numpy_are_numbers(build: isobit.Build) -> None:
    found = build.accuracy(np.zeros((2, 4), np.float32), np.array([0, 1]), topk=np.int64(2), source=np.bool_(False))
    assert found.k == 2 and type(found.k) is int
    for wrong in ({"topk": True}, {"topk": 0}, {"topk": 2.0}, {"timeout": 0}, {"timeout": float("nan")}, {"rtl": -1}):
        assert code_of(lambda k=wrong: build.accuracy(np.zeros((2, 4)), [0, 1], **k)).startswith("E613")


def test_words_and_shapes_are_read() -> None:
    assert assignments(["bits=4", "name=x", "scale=0.5", "path=a=b"]) == {
        "bits": 4, "name": "x", "scale": 0.5, "path": "a=b",
    }  # fmt: skip
    assert code_of(lambda: assignments(["bits"])).startswith("E613")
    assert (
        shape_of("3x32x32") == shape_of([3, 32, 32]) == (3, 32, 32) and shape_of(64) == (64,) and shape_of(None) is None
    )
    assert did_you_mean("relu", []) == ""
