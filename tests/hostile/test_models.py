"""Hostile and broken models through ``isobit compile``: a coded refusal, its exit code, and nothing left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isobit.errors import CODES
from tests.cli.runner import isobit
from tests.hostile.models import (
    INF,
    NAMES,
    NAN,
    Make,
    built,
    cyclic,
    damaged,
    external_data,
    far_too_large,
    followed_by,
    missing,
    raw_input,
    raw_weights,
    renamed,
    run_time_scale,
    same_name_twice,
    shaped,
    versions,
)

CASES: dict[str, tuple[Make, str]] = {
    "no such file": (missing, "E101"),
    "a folder": (lambda folder: folder, "E101"),
    "truncated": (damaged(lambda data: data[: len(data) // 2]), "E102"),
    "empty": (damaged(lambda data: b""), "E102"),
    "text": (damaged(lambda data: b"import torch\n"), "E102"),
    "opset of the past": (versions(opset=5), "E103"),
    "opset of the future": (versions(opset=99), "E103"),
    "IR version of the future": (versions(ir_version=99), "E103"),
    "a cycle": (cyclic, "E104"),
    "external data outside the folder": (external_data, "E105"),
    "dynamic shape": (shaped(1, "features"), "E106"),
    "huge shape": (shaped(1, 2**40), "E106"),
    "overflowing shape": (shaped(1, 2**62, 2**62), "E106"),
    "zero elements": (shaped(1, 0), "E106"),
    "a name made twice": (same_name_twice, "E107"),
    "unknown operator": (followed_by("Frobnicate"), "E201"),
    "operator of another domain": (followed_by("Relu", domain="com.example"), "E201"),
    "attribute of the wrong kind": (
        followed_by("MultiThreshold", [[0.5]] * 2, domain="qonnx.custom_op.general", out_scale="much"),
        "E202",
    ),
    "weights without a quantiser": (raw_weights, "E203"),
    "NaN scale": (built(x_scale=NAN), "E204"),
    "infinite scale": (built(y_scale=INF), "E204"),
    "zero scale": (built(y_scale=0.0), "E204"),
    "negative scale": (built(w_scale=-0.25), "E204"),
    "one channel with a scale of zero": (built(y_scale=[[0.5, 0.0]]), "E204"),
    "NaN zero point": (built(x_zero=NAN), "E204"),
    "0 bits": (built(x_bits=0), "E205"),
    "64 bits": (built(x_bits=64), "E205"),
    "64-bit weights": (built(w_bits=64), "E205"),
    "2.5 bits": (built(x_bits=2.5), "E205"),
    "minus 4 bits": (built(w_bits=-4), "E205"),
    "scale computed at run time": (run_time_scale, "E206"),
    "unknown rounding mode": (built(rounding_mode="STOCHASTIC"), "E207"),
    "input without a quantiser": (raw_input, "E209"),
    "larger than the board": (far_too_large, "E502"),
}


@pytest.mark.parametrize("case", CASES)
def test_is_refused_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    make, code = CASES[case]
    model = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = isobit("compile", model, "-o", tmp_path / "build")
    assert done.err.startswith(f"{code}: {CODES[code]}: "), (done.status, done.out, done.err)
    assert done.status == (3 if code == "E502" else 2)
    assert all(c.isprintable() or c == "\n" for c in done.err) and done.out == ""
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("what", NAMES)
def test_hostile_names_compile_to_plain_identifiers(what: str, tmp_path: Path) -> None:
    done = isobit("compile", renamed(NAMES[what])(tmp_path), "-o", tmp_path / "build")
    assert done.status == 0, done.err
    top = (tmp_path / "build/hls/top.cpp").read_text(encoding="utf-8")
    assert top.isascii() and max(map(len, top.splitlines())) < 400
    layers = json.loads((tmp_path / "build/manifest.json").read_text(encoding="utf-8"))["project"]["layers"]
    assert layers and all(name.isidentifier() and len(name) < 60 for name in layers)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["build", "model.onnx"]
    for name in layers:
        shown = isobit("explain", tmp_path / "build", name)
        assert shown.status == 0 and all(c.isprintable() or c == "\n" for c in shown.out)


@pytest.mark.parametrize("what", ["newlines and escapes", "a C++ keyword", "unicode", "very long"])
def test_hostile_names_simulate(what: str, tmp_path: Path) -> None:
    assert isobit("compile", renamed(NAMES[what])(tmp_path), "-o", tmp_path / "build").status == 0
    done = isobit("csim", tmp_path / "build", "-n", 100, "--json")
    verdict = json.loads(done.out)
    assert done.status == 0 and verdict["equal"] and verdict["source"]["exact_mismatches"] == 0
