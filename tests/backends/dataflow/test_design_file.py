"""A design as JSON: what is read back is what was written, and writes the same project."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from backends.dataflow.fifo_designs import random_design
from hypothesis import given
from hypothesis import strategies as st

import isobit
from isobit import demo
from isobit.backends.dataflow.design import Array
from isobit.backends.dataflow.design_file import _DESIGN, contradictions, design_text, read_design
from isobit.backends.dataflow.fifo import size_fifos
from isobit.backends.dataflow.packed import pack, unpack
from isobit.backends.dataflow.writer import render
from isobit.backends.ports import IntType
from isobit.hardware import load_board
from isobit.numerics import as_int_array


@given(st.lists(st.integers(-(1 << 200), 1 << 200), min_size=1, max_size=12), st.sampled_from([0, 40, 120, 190]))
def test_arrays_come_back_whatever_their_width(values: list[int], shift: int) -> None:
    array = as_int_array(np.array([v >> shift for v in values], dtype=object))
    record = json.loads(json.dumps(pack(array)))
    assert unpack(record).dtype == array.dtype
    assert unpack(record).tolist() == array.tolist()


@pytest.mark.parametrize(
    "record",
    [
        {}, None, {"shape": [2], "bytes": 1, "data": "AA=="}, {"shape": [1], "bytes": 3, "data": "AAAA"},
        {"shape": [-1], "bytes": 1, "data": "AA=="}, {"shape": [1], "bytes": 1, "data": "?"},
        {"shape": [1 << 60], "bytes": 1, "data": "AA=="}, {"shape": [True], "bytes": 1, "data": "AA=="},
    ],
)  # fmt: skip
def test_what_is_no_array_is_refused(record: object) -> None:
    with pytest.raises(ValueError):
        unpack(record)


def test_an_array_holds_what_its_type_holds() -> None:
    Array("a", IntType(3, signed=True), np.array([-4, 3]))
    for lo, hi in ((-5, 0), (0, 4)):
        with pytest.raises(isobit.IsobitError, match=r"E901.*do not fit ap_int<3>"):
            Array("a", IntType(3, signed=True), np.array([lo, hi]))


@pytest.mark.parametrize("seed", range(6))
def test_designs_without_ports_come_back_but_are_no_builds(seed: int, tmp_path: Path) -> None:
    design = size_fifos(random_design(seed))
    text = design_text(design)
    assert design_text(_DESIGN.validate_json(text, strict=True)) == text
    (tmp_path / "design.json").write_text(text, encoding="utf-8")
    with pytest.raises(isobit.IsobitError, match="E608"):
        read_design(tmp_path / "design.json")


def test_the_design_of_a_build_writes_the_build_again(tmp_path: Path) -> None:
    build = isobit.compile(demo.MODEL, tmp_path / "build")
    design = read_design(build.path / "design.json")
    assert not list(contradictions(design))
    assert design_text(design) == (build.path / "design.json").read_text(encoding="utf-8")
    for name, text in render(design, load_board("pynq-z1"), build.manifest.source.name).items():
        assert text == (build.hls / name).read_text(encoding="utf-8"), name
