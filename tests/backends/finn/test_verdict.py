"""What is read from FINN: plain counts, none of its own verdicts; and FINN itself where finn-plus is installed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import onnx
import pytest

import isobit
from isobit.backends.finn import environment
from isobit.backends.finn.verdict import check_finn_build, lines, verdict_of
from isobit.errors import CheckFailed, IsobitError
from tests.backends.finn.nets import cnn, decoder, mlp
from tests.cli.runner import isobit as isobit_command

LAYERS = {"MVAU_hls_0": {"node": "fc", "factors": {"PE": 2, "SIMD": 4}, "sizes": {"MH": 8, "MW": 16}, "cycles": 16}}
BORDER = {"input": "INT4", "output": "UINT8"}
BOUNDS = {"input": (-8, 7), "output": (0, 200)}
STEP = {"name": "step_convert_to_hw", "border": BORDER, "executed": True, "outputs": 10, "different": 0, "first": ""}
RESULT: dict[str, Any] = {
    "steps": [STEP], "unmapped": [], "folded": {"MVAU_hls_0": {"PE": 2, "SIMD": 4, "MH": 8, "MW": 16}}, "error": "",
    "estimate": {"cycles": {"MVAU_hls_0": 16}, "resources": {"total": {"LUT": 9.0, "DSP": 1.0, "BRAM_18K": 2.0}}},
}  # fmt: skip
OURS = {"lut": 7, "dsp": 0, "bram36": 1, "interval": 16}


def test_mapped_and_equal() -> None:
    verdict = verdict_of(RESULT, LAYERS, BOUNDS)
    assert verdict.mapped and verdict.equal and verdict.interval == 16
    said = lines(verdict, OURS)
    assert said[-1] == "MAPPED AND EQUAL" and any("9 LUT, 1 DSP, 2 BRAM18, 16 clocks" in line for line in said)
    assert any("did not run" in line for line in said)


@pytest.mark.parametrize(
    ("change", "mapped", "equal"),
    [
        ({"steps": [STEP, STEP | {"different": 1, "first": "sample 0, element 3: FINN 2, isobit 3"}]}, True, False),
        (
            {"steps": [STEP | {"executed": False, "why": "KeyError: x"}, STEP]},
            True,
            False,
        ),
        ({"steps": [{"name": "step_specialize_layers", "border": BORDER}]}, True, False),
        ({"unmapped": ["Transpose_0"]}, False, True),
        ({"folded": None}, False, True),
        ({"folded": {}}, False, True),
        ({"steps": [STEP | {"border": BORDER | {"input": "INT3"}}]}, False, True),
        ({"steps": [STEP | {"border": BORDER | {"output": "INT8"}}]}, False, True),
        ({"steps": [STEP | {"border": BORDER | {"output": "BIPOLAR"}}]}, False, True),
        ({"steps": [STEP | {"border": BORDER | {"output": "FIXED<8,4>"}}]}, False, True),
        ({"folded": {"MVAU_hls_0": {"PE": 1, "SIMD": 4, "MH": 8, "MW": 16}}}, False, True),
        ({"folded": {"MVAU_hls_0": {"PE": 2, "SIMD": 4, "MH": 4, "MW": 16}}}, False, True),
        ({"error": "step_convert_to_hw: FINNUserError"}, False, False),
    ],
)
def test_anything_less_is_said(change: dict[str, Any], mapped: bool, equal: bool) -> None:
    verdict = verdict_of(RESULT | change, LAYERS, BOUNDS)
    assert (verdict.mapped, verdict.equal) == (mapped, equal)
    assert lines(verdict, OURS)[-1] == "NOT MAPPED OR NOT EQUAL"


RAN = {"executed": True, "outputs": 10, "different": 0, "first": ""}


@pytest.mark.parametrize(
    ("simulation", "equal", "said"),
    [
        ({"executed": False, "missing": ["XILINX_HLS/include/ap_int.h"]}, True, "did not run: no XILINX_HLS/include"),
        (RAN, True, "its C++ simulation: 10 of 10 outputs equal"),
        (
            RAN | {"different": 1, "first": "sample 0"},
            False,
            "its C++ simulation: 9 of 10 outputs equal, first: sample 0",
        ),
        ({"executed": False, "why": "FINNUserError: g++"}, False, "its C++ simulation: not executed: FINNUserError"),
    ],
)
def test_its_simulation_counts_where_it_ran(simulation: dict[str, Any], equal: bool, said: str) -> None:
    verdict = verdict_of(RESULT | {"simulation": simulation}, LAYERS, BOUNDS)
    assert verdict.mapped and verdict.equal == equal and any(said in line for line in lines(verdict, OURS))


def test_outputs_in_another_order_are_said() -> None:
    assert not any("order" in line for line in lines(verdict_of(RESULT | {"order": [0, 1, 2]}, LAYERS, BOUNDS), OURS))
    verdict = verdict_of(RESULT | {"order": [2, 0, 1]}, LAYERS, BOUNDS)
    assert verdict.mapped and any("in this order: 2, 0, 1" in line for line in lines(verdict, OURS))


def test_without_finn_plus_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(environment.OVERRIDE, raising=False)
    isobit.compile(mlp().save(tmp_path), tmp_path / "build", backend="finn")
    done = isobit_command("finn", "check", tmp_path / "build")
    assert done.status == 2 and "E303" in done.err and "isobit finn setup" in done.err


def test_an_interpreter_that_is_not_there_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.OVERRIDE, str(tmp_path / "python"))
    with pytest.raises(IsobitError, match="E303"):
        environment.set_up()


def test_an_end_without_a_result_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FINN's exit codes say nothing: a script that ends well and writes nothing has failed."""
    monkeypatch.setenv(environment.OVERRIDE, sys.executable)
    script = tmp_path / "check.py"
    script.write_text("print('the last words')", encoding="utf-8")
    with pytest.raises(CheckFailed, match=r"E606.*the last words"):
        environment.run_script(script, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not environment.installed(), reason="finn-plus is not installed: isobit finn setup")
@pytest.mark.parametrize("model", [mlp().model(), cnn().model(), decoder()], ids=["mlp", "cnn", "decoder"])
def test_finn_maps_every_node_and_computes_every_integer(model: onnx.ModelProto, tmp_path: Path) -> None:
    build = isobit.compile(model, tmp_path / "build", backend="finn")
    verdict = check_finn_build(build.path, tmp_path / "work")
    assert verdict.mapped, lines(verdict, OURS)
    assert verdict.equal, lines(verdict, OURS)
    assert [step.name for step in verdict.steps if step.outputs] == [
        "network.onnx", "step_qonnx_to_finn", "step_tidy_up", "step_streamline", "step_convert_to_hw",
        "step_minimize_bit_width_initial",
    ]  # fmt: skip
    assert verdict.interval >= build.manifest.estimate.interval


def test_an_environment_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(command: list[str]) -> None:
        if "venv" not in command:
            raise IsobitError("E303", "no network")
        Path(command[-1]).mkdir()

    monkeypatch.delenv(environment.OVERRIDE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(environment, "_run", no_network)
    with pytest.raises(IsobitError, match="E303"):
        environment.set_up()
    assert not list((tmp_path / "isobit").iterdir())


def test_an_environment_that_cannot_take_its_place_is_refused_unless_another_process_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(environment.OVERRIDE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    other = environment.python()

    def meanwhile(command: list[str]) -> None:
        if "venv" not in command:
            return
        Path(command[-1]).mkdir()
        other.parent.mkdir(parents=True)  # a folder in the place of the environment

    monkeypatch.setattr(environment, "_run", meanwhile)
    with pytest.raises(IsobitError, match="E303"):
        environment.set_up()
    other.parent.rmdir()

    def made(command: list[str]) -> None:
        meanwhile(command)
        other.touch()

    monkeypatch.setattr(environment, "_run", made)
    assert environment.set_up() == other
    assert [path.name for path in (tmp_path / "isobit").iterdir()] == [other.parents[1].name]
    monkeypatch.setenv("XDG_CACHE_HOME", str(other))  # a file in the place of the cache
    with pytest.raises(IsobitError, match="E303"):
        environment.set_up()


@pytest.mark.parametrize("content", ["{", "[]", '{"steps": []}', '{"steps": 1, "estimate": {}, "error": ""}'])
def test_a_result_that_is_none_is_a_failure(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.OVERRIDE, sys.executable)
    build = isobit.compile(mlp().save(tmp_path), tmp_path / "build", backend="finn")
    script = f"import pathlib, sys; (pathlib.Path(sys.argv[1]) / 'result.json').write_text({content!r})"
    (build.path / "finn" / "check.py").write_text(script, encoding="utf-8")
    with pytest.raises(CheckFailed, match="E606"):
        check_finn_build(build.path, tmp_path / "work")


def test_what_cannot_be_started_or_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.OVERRIDE, str(tmp_path / "python"))
    (tmp_path / "python").write_bytes(b"no program")
    with pytest.raises(IsobitError, match="E303"):
        environment.run_script(tmp_path / "check.py", tmp_path)
    (tmp_path / "work" / "log.txt").mkdir(parents=True)
    with pytest.raises(IsobitError, match="E601"):
        environment.run_script(tmp_path / "check.py", tmp_path / "work")


def test_a_folder_for_finns_files_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(IsobitError, match="E601"):
        check_finn_build(tmp_path, tmp_path / "file" / "work")
