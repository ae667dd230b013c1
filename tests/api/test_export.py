"""``isobit.export`` and ``isobit export``: from builds and models, checked before anything is written, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest

import isobit
from isobit.interchange import write
from isobit.interp import dequantise, quantise, run
from isobit.ir.types import IntArray
from isobit.passes import PIPELINE
from tests.cli.runner import isobit as isobit_command
from tests.cli.runner import small_model

FORMS = {"onnx": "out.onnx", "qonnx": "out.qonnx.onnx", "npz": "out.npz", "c": "out.h"}


@pytest.fixture
def build(tmp_path: Path) -> isobit.Build:
    return isobit.compile(small_model(tmp_path), tmp_path / "build")


def test_every_form_is_run_before_it_is_kept(build: isobit.Build, tmp_path: Path) -> None:
    files = {form: tmp_path / name for form, name in FORMS.items()}
    done = isobit.export(build, **files)  # type: ignore[arg-type]
    assert [one.form for one in done] == list(FORMS)
    assert all(one.by and one.samples and one.outputs for one in done)
    assert {one.path: one.bytes for one in done} == {p: p.stat().st_size for p in files.values()}
    again = {form: path.read_bytes() for form, path in files.items()}
    isobit.export(build.path, **files)  # type: ignore[arg-type]
    assert again == {form: path.read_bytes() for form, path in files.items()}


def test_an_exported_file_compiles_to_the_same_graph_and_is_judged(build: isobit.Build, tmp_path: Path) -> None:
    isobit.export(build, onnx=tmp_path / "out.onnx")
    again = isobit.compile(tmp_path / "out.onnx", tmp_path / "again")
    assert again.graph.digest == build.graph.digest
    result = isobit.csim(again, vectors=32)
    assert result.equal and result.verdict == "equal" and result.source is not None
    assert result.source.form == "exported" and result.source.exact_outputs == result.source.float_integers == 64
    x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    labels = build.predict(x, graph=True).argmax(axis=1)
    found = isobit.accuracy(again, x, labels)
    assert not found.note and [score.top1 for score in found.scores] == [50] * 3


def test_a_model_is_exported_after_any_pass(tmp_path: Path) -> None:
    model, path = small_model(tmp_path), tmp_path / "q.onnx"
    texts = {}
    for after in ("import", "1", str(len(PIPELINE)), "compose-steps", "shrink-multiplicands", None):
        (done,) = isobit.export(model, qonnx=path, after=after)
        texts[after] = [node.doc_string for node in onnx.load(path).graph.node]
        assert done.outputs > 0
    assert any('"mul"' in line for line in texts["import"]) and not any('"mul"' in str(line) for line in texts[None])
    assert texts["shrink-multiplicands"] == texts[None] == texts[str(len(PIPELINE))] != texts["compose-steps"]


def test_users_samples_are_run(build: isobit.Build, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(23, 4)).astype(np.float32)
    (done,) = isobit.export(build, npz=tmp_path / "out.npz", inputs=x)
    assert (done.samples, done.outputs) == (23, 46)


def test_a_wrong_integer_leaves_nothing_behind(
    build: isobit.Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off_by_one(data: bytes, given: Mapping[str, IntArray]) -> dict[str, IntArray]:
        (output,), (entry,) = build.graph.outputs, build.graph.inputs
        right = run(build.graph, {entry.name: given[entry.outside].astype(np.int64)})[output.name].copy()
        right[1, 1] += 1
        return {output.outside: right}

    monkeypatch.setattr(write, "run_npz", off_by_one)
    with pytest.raises(isobit.CheckFailed, match=r"E616.*1 of \d+ integers differ, first '.*'\[1, 1\] = ") as error:
        isobit.export(build, npz=tmp_path / "out.npz", onnx=tmp_path / "out.onnx")
    assert error.value.exit_code == 1
    assert not list(tmp_path.glob("out*")) and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, "E613"),
        ({"onnx": "a.onnx", "qonnx": "a.onnx"}, "E613"),
        ({"onnx": "."}, "E601"),
        ({"onnx": "model.onnx"}, "E613"),
        ({"npz": "model.onnx/out.npz"}, "E601"),
        ({"onnx": "a.onnx", "after": "ComposeStep"}, "E613"),
        ({"onnx": "a.onnx", "after": "99"}, "E613"),
        ({"onnx": "a.onnx", "vectors": 0}, "E613"),
        ({"tflite": "a.tflite"}, "E613"),
    ],
)
def test_what_cannot_be_is_refused(
    options: dict[str, object], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = small_model(tmp_path)
    with pytest.raises(isobit.IsobitError) as error:
        isobit.export(model, **options)  # type: ignore[arg-type]
    assert error.value.code == code
    assert sorted(p.name for p in tmp_path.iterdir()) == [model.name]


def test_one_file_that_cannot_be_written_leaves_none(build: isobit.Build, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(isobit.IsobitError, match="E601"):
        isobit.export(build, onnx=tmp_path / "out.onnx", npz=tmp_path / "file" / "out.npz")
    assert not list(tmp_path.glob("out*")) and not list(tmp_path.glob(".*"))


def test_a_build_has_no_other_graph_than_its_last(build: isobit.Build, tmp_path: Path) -> None:
    with pytest.raises(isobit.IsobitError, match="E613"):
        isobit.export(build, onnx=tmp_path / "a.onnx", after="import")


def test_an_exported_file_declares_everything_itself(build: isobit.Build, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    isobit.export(build, onnx=path)
    for code, options in {
        "E209": {"input_type": "UINT8"}, "E210": {"arithmetic": "float32"}, "E804": {"rescale_bits": 8, "refit": True},
    }.items():  # fmt: skip
        with pytest.raises(isobit.IsobitError, match=code):
            isobit.compile(path, tmp_path / "b", **options)  # type: ignore[arg-type]


def test_the_command_says_who_ran_what(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    files = [part for form, name in FORMS.items() for part in (f"--{form}", tmp_path / name)]
    done = isobit_command("export", model, *files, "-n", 10)
    assert done.status == 0 and done.err == ""
    for line in ("ORT_ENABLE_ALL", "by qonnx", "-std=c99", "20 outputs of 10 samples equal"):
        assert line in done.out


def test_real_numbers_come_back_by_scale_and_offset(build: isobit.Build, tmp_path: Path) -> None:
    """What docs/export.md says of the border, in one line of numpy."""
    isobit.export(build, onnx=tmp_path / "a.onnx")
    (entry,), (output,) = build.graph.inputs, build.graph.outputs
    x = np.random.default_rng(1).normal(size=(9, 4)).astype(np.float32)
    found = write.run_npz(write.npz_bytes(build.graph), {entry.outside: quantise(entry, x)})[output.outside]
    reals = found * float(output.scale[0]) + float(output.offset[0])
    assert np.array_equal(
        reals.astype(np.float32), dequantise(output, run(build.graph, quantise(entry, x))[output.name])
    )
