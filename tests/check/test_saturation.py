"""A float32 function reaches limits that the exact one only approaches: a tie, and only there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isobit.check.source import check_source
from isobit.flow import compile_model
from tests.onnx_builder import Net


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_saturated_tanh_on_an_edge_is_a_tie(tmp_path: Path, sign: float) -> None:
    """tanh(x) / 0.25 rounded towards zero: 3 for every exact x, 4 in float32 from about 9 on."""
    net = Net(["N", 1])
    x = net.op("Mul", net.quant("x", 0.5, 0.0, 8), np.float32(sign))
    net.quant(net.op("Tanh", x), 0.25, 0.0, 4, rounding_mode="DOWN")
    build = compile_model(net.save(tmp_path), tmp_path / "build")
    (node,) = build.graph.inputs
    integers = np.arange(-128, 128).reshape(-1, 1)
    verdict = check_source(build, {node.name: integers}, {})
    assert (verdict.exact_mismatches, verdict.unexplained) == (0, ())
    assert {(abs(t.graph), abs(t.source)) for t in verdict.ties} == {(3, 4)}
    assert min(abs(int(integers[t.sample, 0])) for t in verdict.ties) >= 17
