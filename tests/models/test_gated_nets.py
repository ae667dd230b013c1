"""Squeeze-and-excite from a file to C++: both verdicts, and the FIFO beside the pool in the bounded simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import isobit
from isobit.check.csim.bounded import bounded_csim
from tests.frontend.test_qonnx_gates import GATES, qdq, quant, squeeze_and_excite

IMAGES = np.random.default_rng(3).integers(-140, 140, (12, 4, 3, 5)).astype(np.float32) / 8


@pytest.mark.parametrize(("form", "gate"), [("qonnx", "sigmoid"), ("qdq", "hard sigmoid")])
def test_squeeze_and_excite_is_exact_down_to_cpp(form: str, gate: str, tmp_path: Path) -> None:
    net = squeeze_and_excite(quant if form == "qonnx" else qdq, GATES[gate])
    build = isobit.compile(net.save(tmp_path), tmp_path / "build", board="zcu104")
    (product,) = (p for p in build.design.processes if p.template == "channel_product")
    map_fifo = next(s for s in build.design.streams if s.name == product.inputs[0])
    assert map_fifo.depth >= map_fifo.words - 2
    result = isobit.csim(build, IMAGES)
    assert result.equal and result.source is not None
    assert [run.mismatches for run in result.runs] == [0, 0] and result.source.exact_mismatches == 0
    assert bounded_csim(build, 3).equal
