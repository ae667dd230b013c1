"""A 16-bit residual add: ties to even on unrelated scales, as one product with two offsets, in C++ and in RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import isobit
from isobit.build.folder import Build
from isobit.check.cosim.run import cosim
from isobit.check.csim.clocks import design_of
from isobit.check.csim.run import given_integers
from isobit.check.source.compare import check_source
from tests.check.cosim.test_cosim import needs_verilator
from tests.onnx_builder import Net


def joined(folder: Path) -> Build:
    """x and x on another scale, added on a third one."""
    net = Net([1, 4])
    x = net.quant("x", 0.00031, 0.0, 16)
    net.quant(net.op("Add", x, net.quant(x, 0.00047, 0.0, 16)), 0.00061, 0.0, 16)
    return isobit.compile(net.save(folder), folder / "build")


def test_it_is_built_and_exact(tmp_path: Path) -> None:
    build = joined(tmp_path)
    assert "half_even" in {p.template for p in design_of(build).processes}
    x = np.random.default_rng(1).uniform(-11, 11, (64, 4)).astype(np.float32)
    verdict = check_source(build, given_integers(build.graph, x), {"x": x})
    assert verdict.equal and (verdict.exact_outputs, verdict.exact_mismatches) == (128, 0)


@pytest.mark.slow
@needs_verilator
def test_cpp_and_rtl_compute_it(tmp_path: Path) -> None:
    build = joined(tmp_path)
    assert isobit.csim(build).equal
    assert cosim(build, 12).equal
