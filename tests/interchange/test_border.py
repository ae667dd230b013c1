"""What leaves in a file and what is asked for before anything is run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isobit.errors import CheckFailed, IsobitError
from isobit.interchange import write
from isobit.interchange.border import narrowest, outside, ports
from isobit.interchange.write import export_graph
from isobit.ir import Graph, frozen_ints, verify
from isobit.ir.ops import Input, Output


def graph_of(lo: int, hi: int, dtype: str) -> Graph:
    x = Input(name="x", shape=(2,), lo=frozen_ints(lo), hi=frozen_ints(hi), dtype=dtype)
    return verify(Graph((x, Output(name="y", inputs=("x",)))))


@pytest.mark.parametrize(
    ("lo", "hi", "dtype", "wanted"),
    [
        (0, 200, "uint8", "uint8"), (0, 200, "int32", "int32"), (0, 300, "uint8", "uint16"), (-1, 5, "uint8", "int8"),
        (-1, 5, "float32", "int8"), (-(1 << 40), 0, "int32", "int64"),
    ],
)  # fmt: skip
def test_the_type_of_the_source_is_taken_where_it_holds_the_integers(lo: int, hi: int, dtype: str, wanted: str) -> None:
    graph = graph_of(lo, hi, dtype)
    assert ports(graph)[0].dtype == wanted
    assert outside(graph, {"x": np.array([[lo, hi]])})["x"].tolist() == [[lo, hi]]


def test_integers_beyond_64_bits_leave_in_no_file() -> None:
    with pytest.raises(IsobitError, match=r"E615.*64 bits"):
        narrowest(0, 1 << 63)


def test_a_compiler_that_is_missing_is_said_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise IsobitError("E604", "no C compiler")

    ran: list[str] = []
    monkeypatch.setattr(write, "c_compiler", none)
    files = {"onnx": tmp_path / "net.onnx", "npz": tmp_path / "net.npz", "c": tmp_path / "net.h"}
    with pytest.raises(IsobitError, match="E604"):
        export_graph(graph_of(0, 5, ""), files, {"x": np.array([[0, 5]])}, ran.append)
    assert ran == [] and not list(tmp_path.iterdir())


def test_a_program_that_gives_no_such_output_has_failed() -> None:
    with pytest.raises(CheckFailed, match=r"E616.*'y'"):
        write._refuse_difference("it", {"y": np.zeros((1, 2), np.int64)}, {"z": np.zeros((1, 2), np.int64)})
