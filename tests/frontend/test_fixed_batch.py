"""Files exported with a batch of N: their constant shapes hold N samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from tests.frontend.test_qdq import check, dequantised, quantised, through
from tests.onnx_builder import Net

BATCH = 4


def entered(*shape: int) -> tuple[Net, str, Any]:
    net, rng = Net([BATCH, *shape]), np.random.default_rng(1)
    x = rng.integers(-90, 90, (BATCH, *shape)) / 4
    return net, through(net, "x", 0.25, 3), x


def weights(net: Net, *shape: int) -> str:
    return dequantised(net, net.const(np.random.default_rng(2).integers(-9, 9, shape), np.int8), 0.5, 0, np.int8)


@pytest.mark.parametrize("target", [[BATCH, 18], [BATCH, -1], [-1, 18]])
def test_flattening_an_image(tmp_path: Path, target: list[int]) -> None:
    net, data, x = entered(2, 3, 3)
    flat = net.op("Reshape", data, net.const(target, np.int64))
    check(net, tmp_path, x, through(net, net.op("MatMul", flat, weights(net, 18, 3)), 0.75, 2))


def test_features_as_many_as_samples(tmp_path: Path) -> None:
    net, data, x = entered(BATCH, 1, 1)
    flat = net.op("Reshape", data, net.const([BATCH, BATCH], np.int64))
    check(net, tmp_path, x, through(net, net.op("MatMul", flat, weights(net, BATCH, 3)), 0.75, 2))


def test_rows_of_samples_there_and_back(tmp_path: Path) -> None:
    net, data, x = entered(5, 6)
    rows = net.op("Reshape", data, net.const([BATCH * 5, 6], np.int64))
    made = net.op("MatMul", rows, weights(net, 6, 3))
    back = net.op("Reshape", made, net.const([BATCH, 5, 3], np.int64))
    check(net, tmp_path, x, through(net, back, 0.75, 2))


def test_the_shape_of_weights_counts_no_samples(tmp_path: Path) -> None:
    net, data, x = entered(6)
    made = net.op("Reshape", weights(net, 2, 12), net.const([BATCH, 6], np.int64))
    product = net.op("MatMul", data, net.op("Transpose", made, perm=[1, 0]))
    check(net, tmp_path, x, through(net, product, 0.75, 2))


def test_sizes_of_an_upsampling(tmp_path: Path) -> None:
    net, data, x = entered(2, 3, 3)
    sizes = net.const([BATCH, 2, 6, 6], np.int64)
    check(net, tmp_path, x, net.op("Resize", data, "", "", sizes, mode="nearest", nearest_mode="floor",
                                   coordinate_transformation_mode="asymmetric"))  # fmt: skip


def test_samples_that_are_mixed_are_refused(tmp_path: Path) -> None:
    net = Net([BATCH, 6])
    q = quantised(net, "x", 0.25, 3)
    turned = net.op("Transpose", dequantised(net, q, 0.25, 3), perm=[1, 0])
    mixed = net.op("Reshape", turned, net.const([BATCH, 6], np.int64))
    with pytest.raises(IsobitError, match=r"E106|E202"):
        import_onnx(net.save(tmp_path, through(net, mixed, 0.25, 3)))


@pytest.mark.parametrize("batch", [BATCH, "N"])
@pytest.mark.parametrize(("op", "given"), [("Slice", ([0], [1], [0])), ("Slice", ([-1], [9], [-2])), ("Gather", [[0]])])
def test_a_sample_that_is_taken_out_is_no_whole_batch(
    batch: int | str, op: str, given: Sequence[list[int]], tmp_path: Path
) -> None:
    """At one sample it would be the tensor itself."""
    net = Net([batch, 5])
    net.op(op, through(net, "x", 0.25, 3), *(net.const(values, np.int64) for values in given))
    with pytest.raises(IsobitError, match=f"{op} leaves samples of the batch out") as caught:
        import_onnx(net.save(tmp_path))
    assert caught.value.code == "E202"


@pytest.mark.parametrize("batch", [BATCH, "N"])
def test_a_slice_of_all_samples_is_none_of_them(batch: int | str, tmp_path: Path) -> None:
    net = Net([batch, 5])
    limits = (net.const(values, np.int64) for values in ([0, 1], [1 << 31, 4], [0, 1]))
    net.op("Slice", through(net, "x", 0.25, 3), *limits)
    assert import_onnx(net.save(tmp_path)).outputs[0].outside_shape == (3,)
