"""Which projects of its design a build holds: C++, SystemVerilog, or both; old ones have C++ alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import isobit
from isobit import demo
from isobit.build.folder import load_build
from isobit.check.cosim.sources import rtl_sources, write_rtl
from isobit.errors import IsobitError


def names(folder: Path, under: str) -> set[str]:
    return {p.relative_to(folder / under).as_posix() for p in (folder / under).rglob("*") if p.is_file()}


def test_the_rtl_of_a_build_is_what_isobit_rtl_writes(tmp_path: Path) -> None:
    build = isobit.compile(demo.MODEL, tmp_path / "both")
    assert build.manifest.target == "both"
    plain = isobit.compile(demo.MODEL, tmp_path / "plain", target="hls")
    write_rtl(plain, tmp_path / "rtl")
    assert names(build.path, "rtl") == names(tmp_path, "rtl") - {"manifest.json"}
    for name in names(build.path, "rtl"):
        assert (build.path / "rtl" / name).read_bytes() == (tmp_path / "rtl" / name).read_bytes()
    assert names(build.path, "hls") == names(plain.path, "hls")
    assert plain.rtl is None and not (plain.path / "rtl").exists()
    assert rtl_sources(plain)[1] == rtl_sources(build)[1]


def test_a_file_of_the_rtl_is_as_safe_as_the_others(tmp_path: Path) -> None:
    """What is simulated are the build's own files, so a changed or missing one is no build's."""
    build = isobit.compile(demo.MODEL, tmp_path / "build", target="both")
    top = build.path / "rtl" / "top.sv"
    top.write_text(top.read_text() + "\n")
    with pytest.raises(IsobitError, match=r"E608.*rtl/top.sv is changed"):
        load_build(build.path)
    manifest = json.loads((build.path / "manifest.json").read_text())
    del manifest["files"]["rtl/top.sv"]
    (build.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(IsobitError, match=r"E608.*does not list rtl/top.sv"):
        load_build(build.path)


def test_a_build_without_cpp_says_so(tmp_path: Path) -> None:
    build = isobit.compile(demo.MODEL, tmp_path / "build", target="rtl")
    assert not build.hls.exists() and build.rtl is not None
    assert load_build(build.path).manifest.target == "rtl"
    for check in (isobit.csim, isobit.lint, lambda b: isobit.predict(b, [[0.0] * 64])):
        with pytest.raises(IsobitError, match=r"(?s)E509.*no C\+\+.*--target both"):
            check(build)


def test_a_manifest_that_does_not_say_what_it_holds_is_refused(tmp_path: Path) -> None:
    build = isobit.compile(demo.MODEL, tmp_path / "build")
    path = build.path / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["target"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(IsobitError, match=r"E608.*target"):
        load_build(build.path)


def test_an_unknown_target_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(IsobitError, match=r"E613.*vhdl"):
        isobit.compile("missing.onnx", tmp_path / "build", target="vhdl")
