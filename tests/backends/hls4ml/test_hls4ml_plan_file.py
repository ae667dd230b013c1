"""The plan file of the hls4ml back end: what is written is read back, what is wrong is refused by name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import isobit
from isobit.backends.hls4ml.plan import LayerRequest, Request
from isobit.backends.hls4ml.plan_file import read_request
from tests.cli.runner import isobit as isobit_command
from tests.cli.runner import small_model, tree


def test_a_build_from_its_own_plan_file_is_the_same_build(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    request = Request(io_type="io_stream", strategy="Resource", reuse=2)
    first = isobit.compile(model, tmp_path / "first", backend="hls4ml", plan_request=request)
    done = isobit_command(
        "compile", model, "-o", tmp_path / "again", "--backend", "hls4ml", "--plan", first.path / "plan.toml"
    )
    assert done.status == 0 and tree(tmp_path / "again") == tree(first.path)
    written = tomllib.loads((first.path / "plan.toml").read_text(encoding="utf-8"))
    assert written["io_type"] == "io_stream"
    assert [layer.get("reuse") for layer in written["layers"].values() if "reuse" in layer] == [
        2,
        1,
    ]  # 2 divides 4 inputs, not 3


def test_what_is_not_said_is_left_to_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('reuse = 3\n[layers.a]\nstrategy = "Resource"\n', encoding="utf-8")
    assert read_request(path) == Request(reuse=3, layers={"a": LayerRequest("Resource")})


@pytest.mark.parametrize(
    ("text", "said"),
    [("pe = 4", "pe"), ("[layers.a]\nreuse = 0", "layers.a.reuse"), ('io_type = "io_serial"', "io_type"), ("=", "")],
)
def test_what_a_plan_cannot_say(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(isobit.IsobitError) as error:
        read_request(path)
    assert error.value.code == "E503" and said in error.value.message and "plan.toml" in error.value.where


def test_options_of_the_other_back_end_are_refused(tmp_path: Path) -> None:
    done = isobit_command(
        "compile", tmp_path / "no file", "-o", tmp_path / "b", "--backend", "hls4ml", "--target-ii", 4
    )
    assert done.status == 2 and "--target-ii: hls4ml has no such option" in done.err
