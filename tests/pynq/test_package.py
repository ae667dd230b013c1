"""The package's files: complete, the same every time, refused where they would be wrong, and safe against names."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import isobit
from isobit import templates
from isobit.build.files import file_hashes
from isobit.build.folder import load_build
from isobit.errors import IsobitError
from isobit.hardware import board_names, load_board
from isobit.interp import dequantise, quantise, run
from isobit.interp.host import Floats
from isobit.ir.ops import Output
from isobit.ir.types import IntArray
from isobit.pynq.pack import package
from tests.cli.runner import isobit as command
from tests.cli.runner import tree
from tests.onnx_builder import Net
from tests.pynq.vivado import recorded

FILES = {
    "Makefile", "README.md", "arithmetic.py", "build.tcl", "driver.py", "manifest.json", "model.json", "notebook.ipynb",
    "selftest.py", "settings.tcl", "vectors.npz",
}  # fmt: skip
OWN_BOARD = (Path(__file__).parent / "own_board.toml").read_text()


def test_command_writes_the_whole_package(compiled: Callable[..., Path], tmp_path: Path) -> None:
    build = compiled("image")
    done = command("package", build, "-o", tmp_path / "p", "--board", "pynq-z1")
    assert (done.status, done.err) == (0, "") and "README.md" in done.out
    assert {p.name for p in (tmp_path / "p").iterdir()} == FILES | {"hls"}
    assert not json.loads((tmp_path / "p" / "model.json").read_text())["head"]
    assert tree(tmp_path / "p" / "hls") == tree(build / "hls")
    manifest = json.loads((tmp_path / "p" / "manifest.json").read_text())
    assert manifest["files"] == file_hashes(tmp_path / "p")


def test_two_packages_are_byte_identical(compiled: Callable[..., Path], tmp_path: Path) -> None:
    build = load_build(compiled("ports"))
    isobit.package(build, str(tmp_path / "a"))
    for _ in range(2):
        assert command("package", build.path, "-o", tmp_path / "b").status == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_vectors_are_the_interpreters(compiled: Callable[..., Path], tmp_path: Path) -> None:
    build = load_build(compiled("ports"))
    package(build, tmp_path / "p")
    ports = {port.node: port.name for port in build.ports}
    with np.load(tmp_path / "p" / "vectors.npz", allow_pickle=False) as vectors:
        integers = {n.name: quantise(n, vectors["float_" + ports[n.name]]) for n in build.graph.inputs}
        expected = integers | run(build.graph, integers)
        for node, name in ports.items():
            assert np.array_equal(vectors[name], expected[node]) and len(vectors[name]) == 64
        for node in build.graph.outputs:
            scale, offset = (vectors[f"{kind}_{ports[node.name]}"] for kind in ("scale", "offset"))
            integers_out = expected[node.name]
            assert np.array_equal((integers_out * scale + offset).astype(np.float32), real(node, integers_out))


def real(node: Output, integers: IntArray) -> Floats:
    """Real values of integers, in the graph's layout."""
    return dequantise(replace(node, host=()), integers)


def test_the_readme_says_what_integers_stand_for(compiled: Callable[..., Path], tmp_path: Path) -> None:
    package(load_build(compiled("ports")), tmp_path / "p")
    model = json.loads((tmp_path / "p" / "model.json").read_text())
    text = (tmp_path / "p" / "README.md").read_text()
    by_channel = [len(set(p["host"]["scale"])) > 1 or len(set(p["host"]["offset"])) > 1 for p in model["ports"]]
    assert text.count("| scale n + offset, by channel |") == sum(by_channel)
    whole = [p["host"]["scale"][0] for p, differ in zip(model["ports"], by_channel, strict=True) if not differ]
    assert all(f"| {scale:.9g} n" in text for scale in whole)


@pytest.mark.parametrize(
    ("board", "message"),
    [
        ("zcu104", "E507: .*the build is for xc7z020clg400-1 at 100 MHz, zcu104 is xczu7ev"),
        (OWN_BOARD.replace('ps = "zynq7"', "").partition("[ps_config]")[0], "E507: .*names no processing system"),
        (OWN_BOARD.partition("[ps_config]")[0], "E507: .*says nothing of its memory and clocks"),
        (OWN_BOARD.replace("PCW_UI", "PSU_UI"), "E501: .*PCW_ settings are for zynq7"),
        (OWN_BOARD.replace('"zynq7"', '"zynqmp"'), "E501: .*a zynqmp processing system is not on part xc7z010clg400-1"),
        (OWN_BOARD.replace("RE-125", "} ; exec reboot"), "E501: .*ps_config"),
        (OWN_BOARD.replace('ps = "', 'board_part = "a:b]:c:1"\nps = "'), "E501: .*board_part"),
        (OWN_BOARD.replace('ps = "', 'board_files = "http://x"\nps = "'), "E501: .*board_files"),
    ],
)
def test_a_wrong_board_is_refused(board: str, message: str, compiled: Callable[..., Path], tmp_path: Path) -> None:
    if board not in board_names():
        (tmp_path / "b.toml").write_text(board)
        board = str(tmp_path / "b.toml")
    done = command("package", compiled("one"), "-o", tmp_path / "p", "--board", board)
    assert done.status == 2 and re.match(message, done.err) and not (tmp_path / "p").exists()


def test_a_card_has_no_package_and_says_what_there_is(compiled: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(IsobitError, match=r"E507: .*names no processing system\s.*the IP in hls/"):
        package(load_build(compiled("one", "alveo-u50")), tmp_path / "p")


def test_only_an_earlier_package_is_replaced(compiled: Callable[..., Path], tmp_path: Path) -> None:
    build = load_build(compiled("one"))
    other = isobit.compile(build.source, tmp_path / "other")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for folder in (build.path, build.path.parent, other.path, tmp_path / "full"):
        before = tree(folder)
        with pytest.raises(IsobitError, match="E602"):
            package(build, folder)
        assert tree(folder) == before


def test_a_build_does_not_take_a_package_for_its_own(compiled: Callable[..., Path], tmp_path: Path) -> None:
    package(load_build(compiled("one")), tmp_path / "p")
    done = command("csim", tmp_path / "p")
    assert done.status == 2 and done.err.startswith("E603: ")


def test_names_from_the_model_do_no_harm(tmp_path: Path) -> None:
    evil = '}; exec touch owned; # [exec touch owned] $x "\n'
    net = Net([1, 4], name=evil)
    y = net.quant(net.op("MatMul", net.quant(evil, 0.5, 0.0, 4), net.quant(np.eye(4), 0.3, 0.0, 4)), 0.7, 0.0, 8)
    model = net.save(tmp_path, y)
    odd = model.rename(tmp_path / "}[exec touch owned] ;$x.onnx")
    build = isobit.compile(odd, tmp_path / "b")
    package(build, tmp_path / "p")
    assert recorded(build, tmp_path / "p")[0] == ""
    assert not list(tmp_path.rglob("owned"))
    assert json.loads((tmp_path / "p" / "model.json").read_text())["ports"][0]["name"] == evil
    assert len((tmp_path / "p" / "settings.tcl").read_text().splitlines()) == 21


def test_makefile_names_files_that_are_there(compiled: Callable[..., Path], tmp_path: Path) -> None:
    package(load_build(compiled("one")), tmp_path / "p")
    (tmp_path / "p" / "hls" / ".ip").touch()
    (tmp_path / "p" / "overlay.bit").touch()
    make = ["make", "-n", "-C", str(tmp_path / "p"), "--no-print-directory"]

    def printed(*words: str, **changes: str) -> str:
        env = {**os.environ, **changes}
        return subprocess.run([*make, *words], capture_output=True, text=True, check=True, env=env).stdout

    deploy = printed("deploy", "BOARD=me@there")
    sent = re.findall(r"[\w.]+", deploy.partition("scp ")[2].partition(" me@")[0])
    assert set(sent) <= FILES | {"overlay.bit", "overlay.hwh"} and len(sent) == 9
    assert {"driver.py", "arithmetic.py", "selftest.py", "model.json", "vectors.npz"} <= set(sent)
    nowhere = subprocess.run([*make, "deploy"], capture_output=True, text=True, check=False)
    assert nowhere.returncode == 2 and "say where" in nowhere.stderr
    (tmp_path / "p" / "hls" / ".ip").unlink()
    assert "vitis-run --mode hls --tcl run_hls.tcl" in printed("ip")
    (tmp_path / "vitis_hls").write_text("#!/bin/sh\n")
    (tmp_path / "vitis_hls").chmod(0o755)
    assert "vitis_hls -f run_hls.tcl" in printed("ip", PATH=f"{tmp_path}:{os.environ['PATH']}")


@pytest.mark.parametrize("name", ["driver", "arithmetic", "selftest"])
def test_board_files_need_numpy_and_pynq_alone(name: str) -> None:
    tree = ast.parse((templates.root() / "pynq" / f"{name}.py").read_text(), feature_version=(3, 8))
    roots = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    roots |= {str(n.module).partition(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    ours = {"driver", "arithmetic", "selftest"}
    assert roots <= {"numpy", "pynq", "__future__"} | ours | set(sys.stdlib_module_names)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node) or node.name in ("inputs", "outputs"), node.name
            assert node.returns is not None and all(a.annotation for a in node.args.args if a.arg != "self")


def test_boards_are_what_their_makers_say() -> None:
    """Counts per part, as in the vendor's data sheets (DS190, DS889, DS891, DS962, DS965, DS978, DS987)."""
    sheets = {
        "xc7z020": ("DSP48E1", 53200, 106400, 220, 140, 0),
        "xczu7ev": ("DSP48E2", 230400, 460800, 1728, 312, 96),
        "xczu3eg": ("DSP48E2", 70560, 141120, 360, 216, 0),
        "xczu9eg": ("DSP48E2", 274080, 548160, 2520, 912, 0),
        "xck26": ("DSP48E2", 117120, 234240, 1248, 144, 64),
        "xczu28dr": ("DSP48E2", 425280, 850560, 4272, 1080, 80),
        "xczu48dr": ("DSP48E2", 425280, 850560, 4272, 1080, 80),
        "xcu50": ("DSP48E2", 871680, 1743360, 5952, 1344, 640),
        "xcu55c": ("DSP48E2", 1303680, 2607360, 9024, 2016, 960),
        "xcu250": ("DSP48E2", 1728000, 3456000, 12288, 2688, 1280),
    }
    for board in map(load_board, board_names()):
        (device,) = [d for d in sheets if board.part.startswith((f"{d}-", f"{d}cl"))]
        assert (board.dsp, board.lut, board.ff, board.dsps, board.bram36, board.uram) == sheets[device]
        card = board.name.startswith("alveo-")
        assert board.ps == (None if card else "zynq7" if board.dsp == "DSP48E1" else "zynqmp")
        assert card or (board.board_part and board.board_files)
