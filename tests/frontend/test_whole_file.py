"""A build stands by itself: its source keeps its external data, and is judged without the files it came from."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from isobit.check.source.compare import check_source
from isobit.errors import IsobitError
from isobit.flow import compile_model
from isobit.frontend.onnx.whole import whole_file
from tests.onnx_builder import Net


def quantised(folder: Path) -> Path:
    """A dense layer behind quantisers, its constants in a file beside the model."""
    net = Net([1, 4])
    weights = net.quant(np.arange(-6, 6, dtype=np.float32).reshape(4, 3), 1.0, 0.0, 4)
    net.quant(net.op("MatMul", net.quant("x", 0.5), weights), 2.0)
    path = folder / "model.onnx"
    onnx.save_model(net.model(), str(path), save_as_external_data=True, location="model.onnx_data", size_threshold=0)
    return path


def test_a_build_needs_no_file_beside_its_source(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    path = quantised(home)
    assert (home / "model.onnx_data").stat().st_size > 0
    build = compile_model(path, tmp_path / "build")
    shutil.rmtree(home)
    (node,) = build.graph.inputs
    verdict = check_source(build, {node.name: np.arange(-8, 8).reshape(4, 4)}, {})
    assert verdict.equal and verdict.exact_outputs == 12


def test_a_file_without_external_data_stays_as_it_is(tmp_path: Path) -> None:
    net = Net([1, 4])
    net.quant("x", 0.5)
    path = net.save(tmp_path)
    assert whole_file(path) == path.read_bytes()


def test_data_that_is_gone_is_refused(tmp_path: Path) -> None:
    path = quantised(tmp_path)
    (tmp_path / "model.onnx_data").unlink()
    with pytest.raises(IsobitError, match="E105"):
        whole_file(path)
