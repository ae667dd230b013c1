"""A package whose accelerator is SystemVerilog: made an IP by Vivado alone, and the rest as it is with Vitis HLS."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import isobit
from isobit.build.folder import load_build
from isobit.check.cosim import verilator
from isobit.check.cosim.sources import rtl_sources
from isobit.errors import IsobitError
from isobit.pynq.pack import package
from tests.check.cosim.test_cosim import needs_verilator
from tests.cli.runner import isobit as command
from tests.cli.runner import small_model, tree
from tests.pynq.test_package import FILES
from tests.pynq.vivado import Recording, recorded, streams

IP = "isobit:rtl:isobit_top"


def test_the_package_holds_the_sources_that_are_simulated(compiled: Callable[..., Path], tmp_path: Path) -> None:
    build = load_build(compiled("ports"))
    done = command("package", build.path, "-o", tmp_path / "p", "--rtl")
    assert (done.status, done.err) == (0, "")
    assert {p.name for p in (tmp_path / "p").iterdir()} == FILES | {"rtl", "ip.tcl"}
    design, texts = rtl_sources(build)
    held = {name: content.decode() for name, content in tree(tmp_path / "p" / "rtl").items()}
    assert held.pop("isobit_ip.v").count("_TVALID(") == len(build.ports) and held == texts
    model = json.loads((tmp_path / "p" / "model.json").read_text())
    assert model["interval"] == design.interval == build.manifest.estimate.interval
    readme = (tmp_path / "p" / "README.md").read_text()
    assert "isobit cosim" in readme and "Vitis HLS and Vivado" not in readme and "`hls/`" not in readme
    package(build, tmp_path / "q", rtl=True)
    assert tree(tmp_path / "p") == tree(tmp_path / "q")


@pytest.mark.parametrize("net", ["ports", "demo", "image"])
def test_vivado_packages_every_source_and_takes_the_ip(net: str, compiled: Callable[..., Path], tmp_path: Path) -> None:
    build = load_build(compiled(net))
    folder = tmp_path / "p"
    package(build, folder, rtl=True)
    packager = Recording(streams(build), folder, accelerator_ip=IP)
    assert packager.run(folder / "ip.tcl", "vivado") == ""
    tkinter = pytest.importorskip("tkinter", reason="Python without _tkinter has no Tcl interpreter")
    lists = [tkinter.Tcl().tk.splitlist(c[-1]) for c in packager.commands if c[0] == "add_files"]
    assert {Path(str(name)).name for names in lists for name in names} == {p.name for p in (folder / "rtl").iterdir()}
    bound = [c[2] for c in packager.commands if c[:2] == ("ipx::associate_bus_interfaces", "-busif")]
    assert bound == [p.name for p in build.ports]
    assert ("set_property", "top", "isobit_ip", "sources_1") in packager.commands
    message, recording = recorded(build, folder, accelerator_ip=IP)
    assert message == "" and recording.valid and recording.cells["accelerator"].vlnv == f"{IP}:1.0"
    assert "run make ip" in recorded(build, folder, accelerator_ip=IP, accelerator_built=False)[0]


def test_ports_that_are_no_stream_are_said(compiled: Callable[..., Path], tmp_path: Path) -> None:
    build = load_build(compiled("one"))
    package(build, tmp_path / "p", rtl=True)
    top = tmp_path / "p" / "rtl" / "isobit_ip.v"
    name = build.ports[0].name
    top.write_text(top.read_text().replace(f"{name}_TVALID", f"{name}_VALID"))
    recording = Recording(streams(build), tmp_path / "p", accelerator_ip=IP)
    assert f"does not take the ports {name}_T..." in recording.run(tmp_path / "p" / "ip.tcl", "vivado")


def test_the_makefile_wants_no_vitis(compiled: Callable[..., Path], tmp_path: Path) -> None:
    package(load_build(compiled("one")), tmp_path / "p", rtl=True)
    make = ["make", "-n", "-C", str(tmp_path / "p"), "--no-print-directory"]
    printed = subprocess.run(make, capture_output=True, text=True, check=True, env={**os.environ}).stdout
    assert [line.split()[4] for line in printed.splitlines()] == ["ip.tcl", "build.tcl"] and "hls" not in printed


def test_a_build_without_cpp_has_a_package(tmp_path: Path) -> None:
    build = isobit.compile(small_model(tmp_path), tmp_path / "build", target="rtl", board="pynq-z1")
    with pytest.raises(IsobitError, match=r"(?s)E509: .*has no C\+\+\s.*isobit package --rtl"):
        isobit.package(build, tmp_path / "p")
    isobit.package(build, tmp_path / "p", rtl=True)
    assert {f"rtl/{n}" for n in tree(tmp_path / "p" / "rtl")} - {"rtl/isobit_ip.v"} == {
        name for name in build.manifest.files if name.startswith("rtl/")
    }


@needs_verilator
def test_the_verilog_around_it_fits(compiled: Callable[..., Path], tmp_path: Path) -> None:
    """Every port of the wrapper is one of the top module's, of its width and direction, and the other way round."""
    package(load_build(compiled("ports")), tmp_path / "p", rtl=True)
    tool = verilator.find_verilator()
    words = ["--lint-only" if o == "--cc" else o for o in (*verilator._TRANSLATE, *verilator._STRICT)]
    words += ["--top-module", "isobit_ip"]
    folder = tmp_path / "p" / "rtl"
    sources = sorted(p.name for p in folder.iterdir() if p.suffix in (".v", ".sv"))
    done = subprocess.run(
        [str(tool.program), *words, *sources],
        cwd=folder,
        env=tool.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
