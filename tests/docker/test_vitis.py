"""docker/vitis: which commands every step runs, shown by stand-ins for AMD's tools, and the files around it."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from isobit import demo
from isobit.container.engine import Engine, Limits, hardening
from tests.cli.runner import ROOT, isobit

STEPS = ROOT / "docker" / "vitis" / "steps.sh"
TOOL = '#!/bin/sh\necho "$(basename $0) $*" >> "$XILINX/log"\n[ "$1" != -f ] || grep _design "$2" >> "$XILINX/log"\n'


def installation(folder: Path, version: str, *tools: str) -> Path:
    """A folder that looks like AMD's, whose tools write down how they are called."""
    place = folder / "Vitis" / version
    (place / "bin").mkdir(parents=True)
    (place / "settings64.sh").write_text(f'[ -n "$UNSET" ] || PATH="{place}/bin:$PATH"\n')
    for tool in tools:
        (place / "bin" / tool).write_text(TOOL)
        (place / "bin" / tool).chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def hls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vitis") / "build"
    assert isobit("compile", demo.MODEL, "-o", folder).status == 0
    return folder / "hls"


def step(name: str, project: Path, xilinx: Path, **env: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "XILINX": str(xilinx), **env}
    return subprocess.run([STEPS, name], cwd=project, env=settings, capture_output=True, text=True, check=False)


def said(output: str) -> list[str]:
    """The commands that a step announced, without those that only read settings."""
    return [line[2:] for line in output.splitlines() if line.startswith("+ ") and not line.startswith("+ source")]


COMMON = "--config hls_config.cfg --work_dir vitis"
MODERN = {
    "csim": [f"vitis-run --mode hls --csim {COMMON}"],
    "csynth": [f"v++ -c --mode hls {COMMON}"],
    "cosim": [f"v++ -c --mode hls {COMMON}", f"vitis-run --mode hls --cosim {COMMON}"],
    "export": [f"v++ -c --mode hls {COMMON}", f"vitis-run --mode hls --package {COMMON}"],
}
CLASSIC = {
    "csim": ["csim_design"],
    "csynth": ["csynth_design"],
    "cosim": ["csynth_design", "cosim_design"],
    "export": ["csynth_design", "export_design"],
}


@pytest.mark.parametrize("name", MODERN)
def test_a_step_of_the_newer_tools(hls: Path, tmp_path: Path, name: str) -> None:
    xilinx = installation(tmp_path, "2024.2", "v++", "vitis-run", "vitis_hls")
    done = step(name, hls, xilinx)
    assert done.returncode == 0, done.stderr
    assert said(done.stdout) == (xilinx / "log").read_text().splitlines() == MODERN[name]


@pytest.mark.parametrize("name", CLASSIC)
def test_a_step_of_the_older_tools(hls: Path, tmp_path: Path, name: str) -> None:
    xilinx = installation(tmp_path, "2022.1", "vitis_hls")
    done = step(name, hls.parent, xilinx)
    call, *designs = (xilinx / "log").read_text().splitlines()
    assert done.returncode == 0 and said(done.stdout) == [call] and call.startswith("vitis_hls -f ")
    assert [line.split()[0] for line in designs] == CLASSIC[name]


def test_make_hls_runs_the_four_steps_each_with_the_tool_that_has_it(hls: Path, tmp_path: Path) -> None:
    xilinx = installation(tmp_path, "2024.2", "v++", "vitis-run")
    path = f"{xilinx / 'Vitis' / '2024.2' / 'bin'}:{os.environ['PATH']}"
    subprocess.run(["make", "hls"], cwd=hls, env={**os.environ, "XILINX": str(xilinx), "PATH": path}, check=True)
    ran = [set(line.split()) for line in (xilinx / "log").read_text().splitlines()]
    assert ran == [set(line.split()) for line in (*MODERN["csim"], *MODERN["cosim"], MODERN["export"][-1])]


def test_the_newest_version_or_the_one_named(hls: Path, tmp_path: Path) -> None:
    installation(tmp_path, "2022.1", "vitis_hls")
    xilinx = installation(tmp_path, "2024.2", "v++")
    assert f"+ source {xilinx}/Vitis/2024.2/settings64.sh" in step("csynth", hls, xilinx).stdout
    assert f"+ source {xilinx}/Vitis/2022.1/settings64.sh" in step("csynth", hls, xilinx, VERSION="2022.1").stdout


def test_the_bitstream(tmp_path: Path) -> None:
    xilinx = installation(tmp_path / "x", "2022.1", "vivado")
    (tmp_path / "build.tcl").write_text("")
    done = step("vivado", tmp_path, xilinx)
    wanted = ["vivado -mode batch -source build.tcl -journal vivado.jou -log vivado.log"]
    assert said(done.stdout) == (xilinx / "log").read_text().splitlines() == wanted


@pytest.mark.parametrize(
    ("name", "tools", "words"),
    [("csim", (), "neither vitis-run nor vitis_hls"), ("vivado", (), "no build.tcl"), ("csim", None, "not a folder")],
)
def test_what_is_missing_is_named(
    hls: Path, tmp_path: Path, name: str, tools: tuple[str, ...] | None, words: str
) -> None:
    xilinx = tmp_path / "none" if tools is None else installation(tmp_path, "2022.1", *tools)
    done = step(name, hls, xilinx)
    assert done.returncode == 2 and words in done.stderr


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    done = step("csynth", tmp_path, installation(tmp_path / "x", "2022.1", "vitis_hls"))
    assert done.returncode == 2 and "no project" in done.stderr


def test_run_mounts_the_project_and_the_tools_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "a project").mkdir()
    (tmp_path / "bin").mkdir()
    engine = tmp_path / "bin" / "engine"
    engine.write_text('#!/bin/sh\nfor word in "$@"; do echo "[$word]"; done\n')
    engine.chmod(0o755)
    env = {**os.environ, "XILINX": str(tmp_path), "ENGINE": str(engine), "LICENSE": "2100@server"}
    done = subprocess.run(
        [STEPS.with_name("run.sh"), "cosim", tmp_path / "a project"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    first, *words = done.stdout.splitlines()
    assert first.startswith(f"+ {engine} run ") and words[-2:] == ["[isobit-vitis]", "[cosim]"]
    for word in (
        "--read-only", "none", "ALL", "no-new-privileges", "XILINXD_LICENSE_FILE=2100@server",
        f"type=bind,source={tmp_path},target={tmp_path},readonly",
        f"type=bind,source={tmp_path / 'a project'},target=/project",
    ):  # fmt: skip
        assert f"[{word}]" in words


def test_a_path_that_no_engine_mounts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a,readonly=false").mkdir()
    env = {**os.environ, "XILINX": str(tmp_path), "ENGINE": "true"}
    command = [STEPS.with_name("run.sh"), "cosim", tmp_path / "a,readonly=false"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "") and "comma" in done.stderr


def test_the_demo_service_is_as_hardened_as_the_command() -> None:
    service = yaml.safe_load((ROOT / "docker" / "compose.yml").read_text(encoding="utf-8"))["services"]["demo"]
    words = hardening(Engine("docker", "docker"), Path("/x"), Limits(1.0))
    option = dict(pairwise(words))
    assert service["read_only"] and service["network_mode"] == option["--network"]
    assert service["cap_drop"] == [option["--cap-drop"]] and service["tmpfs"] == [option["--tmpfs"]]
    assert service["security_opt"] == [option["--security-opt"] + ":true"]
    assert (service["mem_limit"], service["memswap_limit"]) == (option["--memory"], option["--memory-swap"])
    assert str(service["pids_limit"]) == option["--pids-limit"]


@pytest.mark.parametrize("name", ["csim", "vitis"])
def test_images_do_not_run_as_root(name: str) -> None:
    lines = (ROOT / "docker" / name / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("USER ")][-1] == "USER 10001:10001"


def test_every_python_package_of_the_image_is_pinned() -> None:
    lines = (ROOT / "docker" / "csim" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0].lower() for line in lines if "==" in line}
    assert all("==" in line for line in lines if line and not line.startswith("#"))
    assert {"numpy", "onnx", "qonnx", "hls4ml", "jinja2", "pydantic", "typer", "rich", "onnxruntime"} <= pinned
