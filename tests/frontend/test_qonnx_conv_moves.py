"""Pad, slice, split, gather, resize and sub-pixel moves, against exact rational arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from isobit.interp import run
from isobit.ir.ops import Reindex
from tests.frontend.qonnx_oracle import assert_exact
from tests.frontend.test_qonnx_conv import images, weights
from tests.frontend.test_qonnx_conv_pools import ints
from tests.onnx_builder import Net

RNG = np.random.default_rng(31)


def start(*shape: int, zero: float = 0.0, scale: object = 0.25) -> tuple[Net, str]:
    net = Net([1, *shape])
    return net, net.quant("x", scale, zero, 4)


# ------------------------------------------------------------------------------------------------------------ padding


@pytest.mark.parametrize("pads", [[0, 0, 1, 2, 0, 0, 2, 0], [0, 0, 0, 0, 0, 0, 0, 0]])
@pytest.mark.parametrize("zero", [0.0, 2.0])
@pytest.mark.parametrize(("value", "opset"), [(None, 13), (0.75, 13), (-0.5, 9), (None, 18)])
def test_pad(tmp_path: Path, pads: list[int], zero: float, value: float | None, opset: int) -> None:
    net, x = start(2, 3, 4, zero=zero)
    if opset < 11:
        y = net.op("Pad", x, pads=pads, value=value)
    else:
        y = net.op("Pad", x, ints(net, *pads), *([] if value is None else [value]))
    net.quant(net.op("Conv", y, weights(net, 2, 2, 2, 2)), 0.3, 0.0, 5)
    assert_exact(net, tmp_path, images(net), opset=opset)


@pytest.mark.parametrize("pads", [[0, 1, 0, 0, 0, 2, 0, 0], [0, 0, 1, 0, 0, 3, 0, 1]])
@pytest.mark.parametrize("zero", [0.0, 2.0])
@pytest.mark.parametrize("scale", [0.25, [[[[0.25]], [[0.3]]]]])
def test_pad_of_channels(tmp_path: Path, pads: list[int], zero: float, scale: Any) -> None:
    """The shortcut of the first residual networks for CIFAR: fewer pixels, more channels, no weights."""
    net, x = start(2, 4, 5, zero=zero, scale=scale)
    short = net.op("Slice", x, ints(net, 0, 0), ints(net, 9, 9), ints(net, 2, 3), ints(net, 2, 2))
    y = net.op("Pad", short, ints(net, *pads))
    net.quant(net.op("Conv", y, weights(net, 3, 2 + pads[1] + pads[5], 1, 1)), 0.3, 0.0, 5)
    assert_exact(net, tmp_path, images(net), net.nodes[-1].output[0], y)


def test_pad_of_named_axes(tmp_path: Path) -> None:
    net, x = start(2, 3, 4)
    net.op("Pad", x, ints(net, 1, 0, 0, 2), "", ints(net, 3, 2))
    assert_exact(net, tmp_path, images(net), opset=18)


def test_pad_that_cuts(tmp_path: Path) -> None:
    net, x = start(2, 5, 4)
    net.op("Pad", x, ints(net, 0, 0, -1, 1, 0, 0, 1, -2))
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize(
    ("pads", "value", "mode", "code"),
    [
        ([0, 0, 1, 0, 0, 0, 0, 0], 0.1, "constant", "E208"),
        ([0, 0, 1, 1, 0, 0, -1, 1], 0.0, "reflect", "E202"),
        ([1, 0, 0, 0, 0, 0, 0, 0], 0.0, "constant", "E202"),
    ],
)
def test_refused_paddings(tmp_path: Path, pads: list[int], value: float, mode: str, code: str) -> None:
    net, x = start(2, 3, 4)
    net.op("Pad", x, ints(net, *pads), value, mode=mode)
    with pytest.raises(IsobitError) as refusal:
        assert_exact(net, tmp_path, images(net))
    assert refusal.value.code == code


# ----------------------------------------------------------------------------------------- slices, splits, gathers


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ([1], [3], [2], [1]),
        ([0, 1], [2, 100], [1, 3], [1, 2]),
        ([-3], [-1], [-1], [1]),
        ([100], [-100], [2], [-1]),
        ([3], [0], [3], [-2]),
        ([-1], [-(2**62)], [1], [-1]),
    ],
)
@pytest.mark.parametrize("channel_scales", [False, True])
def test_slice(tmp_path: Path, starts: Any, ends: Any, axes: Any, steps: Any, channel_scales: bool) -> None:
    net, x = start(3, 4, 5, scale=[[[[0.25]], [[0.3]], [[0.7]]]] if channel_scales else 0.25)
    net.op("Slice", x, ints(net, *starts), ints(net, *ends), ints(net, *axes), ints(net, *steps))
    assert_exact(net, tmp_path, images(net))


def test_slice_by_attributes(tmp_path: Path) -> None:
    net, x = start(3, 4, 5)
    net.op("Slice", x, starts=[0, 1], ends=[2, -1], axes=[1, 2])
    assert_exact(net, tmp_path, images(net), opset=9)


@pytest.mark.parametrize(("axis", "widths"), [(1, (1, 2)), (2, (3, 1)), (-1, (2, 2, 1)), (1, None)])
def test_split(tmp_path: Path, axis: int, widths: tuple[int, ...] | None) -> None:
    net, x = start(3, 4, 5)
    count = 3 if widths is None else len(widths)
    outputs = [f"part{i}" for i in range(count)]
    net.op("Split", x, *([] if widths is None else [ints(net, *widths)]), outputs=outputs, axis=axis)
    finals = [net.quant(o, 0.3 + 0.1 * i, 0.0, 4) for i, o in enumerate(outputs)]
    assert_exact(net, tmp_path, images(net), *finals)


def test_split_and_concat_shuffle_the_channels(tmp_path: Path) -> None:
    net, x = start(4, 3, 3)
    net.op("Split", x, ints(net, 1, 3), outputs=["a", "b"], axis=1)
    y = net.op("Concat", "b", "a", axis=1)
    net.quant(net.op("Conv", y, weights(net, 2, 4, 2, 2)), 0.3, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("indices", [[2, 0], [1], [0, 0, 2], [-1, 1]])
@pytest.mark.parametrize("axis", [1, 2, -1])
def test_gather(tmp_path: Path, indices: list[int], axis: int) -> None:
    net, x = start(3, 4, 5)
    net.op("Gather", x, ints(net, *indices), axis=axis)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_gather_of_one_index_drops_the_axis(tmp_path: Path, axis: int) -> None:
    net, x = start(3, 4, 5)
    net.quant(net.op("Gather", x, net.const(1, np.int64), axis=axis), 0.3, 0.0, 4)
    assert_exact(net, tmp_path, images(net))


def test_single_numbers_of_a_vector(tmp_path: Path) -> None:
    net = Net([1, 4])
    y = net.op("MatMul", net.quant("x", 0.25, 0.0, 4), weights(net, 4, 3))
    parts = [net.op("Gather", y, net.const(i, np.int64), axis=1) for i in (2, 0)]
    named = net.op("Unsqueeze", parts[0], ints(net, 1))
    assert_exact(net, tmp_path, images(net), named, parts[1])


# ------------------------------------------------------------------------------------------------------ enlargement

TRANSFORMS = ["asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"]
ROUNDINGS = ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize(("size", "out"), [((3, 4), (6, 8)), ((3, 4), (7, 4)), ((5, 2), (3, 5)), ((4, 3), (1, 6))])
def test_resize_to_a_size(tmp_path: Path, transform: str, rounding: str, size: Any, out: Any) -> None:
    net, x = start(2, *size)
    mode = {"mode": "nearest", "coordinate_transformation_mode": transform, "nearest_mode": rounding}
    net.op("Resize", x, "", "", ints(net, 1, 2, *out), **mode)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("scales", [(2.0, 3.0), (1.5, 1.0), (2.3, 0.6), (0.5, 1.7)])
def test_resize_by_scales(tmp_path: Path, transform: str, scales: Any) -> None:
    """The written scale maps the coordinates, not the ratio of the rounded sizes."""
    net, x = start(2, 5, 4)
    mode = {"mode": "nearest", "coordinate_transformation_mode": transform, "nearest_mode": "floor"}
    net.op("Resize", x, "", net.const([1.0, 1.0, *scales]), **mode)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("scales", [(2.0, 3.0), (1.5, 0.7)])
def test_the_first_resize_had_no_modes(tmp_path: Path, scales: Any) -> None:
    net, x = start(2, 5, 4)
    net.op("Resize", x, net.const([1.0, 1.0, *scales]), mode="nearest")
    assert_exact(net, tmp_path, images(net), opset=10)


@pytest.mark.parametrize(("operator", "opset"), [("Resize", 10), ("Upsample", 9)])
def test_the_first_linear_resize_was_asymmetric(tmp_path: Path, operator: str, opset: int) -> None:
    net, x = start(2, 3, 4)
    net.op(operator, x, net.const([1.0, 1.0, 2.0, 3.0]), mode="linear")
    first = assert_exact(net, tmp_path, images(net), opset=opset)
    net, x = start(2, 3, 4)
    mode = {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}
    net.op("Resize", x, "", net.const([1.0, 1.0, 2.0, 3.0]), **mode)
    later = assert_exact(net, tmp_path, images(net))
    sample = RNG.integers(-8, 8, (3, *first.inputs[0].shape))
    (one,), (other,) = (run(g, {g.inputs[0].name: sample}).values() for g in (first, later))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("opset", [7, 9])
def test_upsample(tmp_path: Path, opset: int) -> None:
    net, x = start(2, 3, 4)
    scales = [1.0, 1.0, 2.0, 3.0]
    if opset == 7:
        net.op("Upsample", x, mode="nearest", scales=scales)
    else:
        net.op("Upsample", x, net.const(scales), mode="nearest")
    assert_exact(net, tmp_path, images(net), opset=opset)


def test_resize_of_named_axes(tmp_path: Path) -> None:
    net, x = start(2, 3, 4)
    net.op("Resize", x, "", net.const([3.0, 2.0]), axes=[3, 2], mode="nearest", nearest_mode="floor")
    written = import_onnx(net.save(tmp_path, opset=18))
    net, x = start(2, 3, 4)
    net.op("Resize", x, "", net.const([1.0, 1.0, 2.0, 3.0]), mode="nearest", nearest_mode="floor")
    assert [n.index.tolist() for n in written.nodes if isinstance(n, Reindex)] == [
        n.index.tolist() for n in import_onnx(net.save(tmp_path, opset=18)).nodes if isinstance(n, Reindex)
    ]


def test_resize_in_one_dimension_between_convolutions(tmp_path: Path) -> None:
    net, x = start(2, 6)
    y = net.quant(net.op("Conv", x, weights(net, 3, 2, 3)), 0.3, 1.0, 4)
    y = net.op("Resize", y, "", net.const([1.0, 1.0, 2.0]), mode="nearest", nearest_mode="floor")
    net.quant(net.op("Conv", y, weights(net, 2, 3, 3), pads=[1, 1]), 0.3, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("extra", [{"mode": "cubic"}, {"coordinate_transformation_mode": "tf_crop_and_resize"}])
def test_refused_enlargements(tmp_path: Path, extra: dict[str, str]) -> None:
    net, x = start(2, 3, 4)
    attrs = {"mode": "nearest"} | extra
    net.op("Resize", x, net.const([0.0] * 4 + [1.0] * 4), net.const([1.0, 1.0, 2.0, 2.0]), **attrs)
    with pytest.raises(IsobitError) as refusal:
        assert_exact(net, tmp_path, images(net))
    assert refusal.value.code == "E202"


@pytest.mark.parametrize("attrs", [{}, {"mode": "DCR"}, {"mode": "CRD"}])
def test_depth_to_space(tmp_path: Path, attrs: dict[str, str]) -> None:
    net, x = start(2, 3, 4)
    y = net.quant(net.op("Conv", x, weights(net, 12, 2, 3, 3), pads=[1] * 4), 0.3, 0.0, 4)
    net.op("DepthToSpace", y, blocksize=2, **attrs)
    assert_exact(net, tmp_path, images(net))


def test_space_to_depth(tmp_path: Path) -> None:
    net, x = start(3, 4, 6)
    net.quant(net.op("Conv", net.op("SpaceToDepth", x, blocksize=2), weights(net, 2, 12, 1, 2)), 0.3, 0.0, 4)
    assert_exact(net, tmp_path, images(net))
