"""Real values at the ends of float32: infinities are refused, what is below the normal numbers is read as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isobit.check.source.compare import check_source
from isobit.errors import IsobitError
from isobit.flow import compile_model
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.qonnx.float_arithmetic import Asked
from isobit.frontend.qonnx.importer import import_traced
from isobit.interp import quantise
from tests.frontend.qonnx_oracle import assert_exact
from tests.onnx_builder import Net

WEIGHTS = np.array([[3, -2], [5, 7], [-4, 1]], np.float32)
ARITHMETICS: tuple[Asked, ...] = ("exact", "auto", "float32")


def dense(scale: float, weight: float, out: float, *, bias: float = 0.0) -> Net:
    """A dense layer, its bias behind it, between quantisers of four bits with these scales."""
    net = Net(["N", 3])
    product = net.op("MatMul", net.quant("x", scale, 0, 4), net.quant(WEIGHTS * np.float32(weight), weight, 0, 4))
    net.quant(net.op("Add", product, [bias, 0.0]) if bias else product, out, 0, 4)
    return net


def test_values_that_float32_holds_are_read(tmp_path: Path) -> None:
    assert_exact(dense(1e36, 1.0, 1e36), tmp_path, np.arange(-8e36, 7e36, 1e36).reshape(5, 3))


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize(
    ("net", "maker", "reached"),
    [
        (dense(3e38, 1e-3, 1e36), "Quant", "2.4e+39"),
        (dense(1.0, 3e37, 1.0), "MatMul", "2.8e+39"),
        (dense(1e20, 1e20, 1.0), "MatMul", "9.2e+41"),
        (dense(1.0, 1.0, 1.0, bias=3e38), "Add", "3e+38"),
    ],
)
def test_values_that_it_does_not_hold_are_refused(
    tmp_path: Path, net: Net, maker: str, reached: str, arithmetic: Asked
) -> None:
    with pytest.raises(IsobitError) as caught:
        import_traced(load_onnx(net.save(tmp_path)), None, arithmetic)
    assert caught.value.code == "E204"
    assert caught.value.message.startswith(f"values of {maker} reach {reached},")


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize(
    "scales", [(1e-20, 1e-20, 1e-39), (1e-22, 1e-22, 1e-43), (1e-38, 0.25, 1e-39), (1.0, 1e-40, 1.0)]
)
def test_products_below_the_normal_numbers_are_read_as_they_are(
    tmp_path: Path, scales: tuple[float, float, float], arithmetic: Asked
) -> None:
    path = dense(*scales).save(tmp_path)
    x = np.array([[a, b, c] for a in range(-8, 8, 3) for b in range(-8, 8, 2) for c in (-8, -1, 0, 7)], np.float32)
    build = compile_model(path, tmp_path / "build", arithmetic=arithmetic)
    (node,) = build.graph.inputs
    verdict = check_source(build, {node.name: quantise(node, x * np.float32(scales[0]))}, {})
    assert (verdict.exact_mismatches, verdict.unexplained) == (0, ())
