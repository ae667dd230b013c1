"""Curves in float32: limits that the exact function only approaches are ties, and a final curve hides no integer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.check.source import compare
from isobit.check.source.compare import check_source
from isobit.check.source.exact.evaluate import evaluate_exact
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


@pytest.mark.parametrize("kind", ["Sigmoid", "Tanh"])
def test_what_a_final_curve_reads_is_compared(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host computes the curve in float32; the integers before it are the source's all the same."""
    net = Net(["N", 3])
    weights = net.quant(np.arange(6.0).reshape(3, 2) - 2, 0.3, 0.0, 4)
    read = net.op("MatMul", net.quant("x", 0.1), weights)
    net.op(kind, read)
    build = compile_model(net.save(tmp_path), tmp_path / "build")
    integers = {build.graph.inputs[0].name: np.random.default_rng(0).integers(-128, 128, (5, 3))}
    verdict = check_source(build, integers, {})
    assert (verdict.exact_outputs, verdict.exact_mismatches) == (10, 0)

    def other(*args: Any, **options: Any) -> Any:
        found = dict(evaluate_exact(*args, **options))
        return found | {read: replace(found[read], num=found[read].num + found[read].den)}

    monkeypatch.setattr(compare, "evaluate_exact", other)
    assert check_source(build, integers, {}).exact_mismatches == 10
