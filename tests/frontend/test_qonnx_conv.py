"""Convolutions: kernels, strides, dilations, padding, groups, scales and biases, against exact rational arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.ir.ops import Linear, Pad, Reindex
from tests.frontend.qonnx_oracle import assert_exact
from tests.onnx_builder import Net

RNG = np.random.default_rng(23)


def images(net: Net, count: int = 3) -> Any:
    """A float batch that reaches beyond the usual quantisers' range."""
    shape = [d.dim_value for d in net.inputs[0].type.tensor_type.shape.dim[1:]]
    return RNG.normal(0, 2, (count, *shape))


def weights(net: Net, *shape: int, bits: int = 4, scale: object = 0.3) -> str:
    return net.quant(RNG.normal(0, 0.6, shape), scale, 0.0, bits, narrow=1)


def linears(graph: Any) -> list[Linear]:
    return [n for n in graph.nodes if isinstance(n, Linear)]


@pytest.mark.parametrize("kernel", [(1, 1), (2, 3), (3, 3), (5, 1)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize("dilations", [(1, 1), (1, 2)])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1), (0, 2, 1, 0)])
def test_geometry_in_two_dimensions(tmp_path: Path, kernel: Any, strides: Any, dilations: Any, pads: Any) -> None:
    net = Net([1, 2, 7, 6])
    x, w = net.quant("x", 0.25, 0.0, 5), weights(net, 3, 2, *kernel)
    y = net.op("Conv", x, w, kernel_shape=kernel, strides=strides, dilations=dilations, pads=pads)
    net.quant(y, 0.4, 0.0, 4)
    graph = assert_exact(net, tmp_path, images(net))
    (conv,) = linears(graph)
    assert (conv.strides, conv.dilations) == (strides, dilations)
    assert not any(isinstance(n, Reindex) for n in graph.nodes)


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "pads"), [(3, 1, 1, (1, 1)), (4, 2, 1, (0, 3)), (2, 1, 3, (0, 0))]
)
def test_geometry_in_one_dimension(tmp_path: Path, kernel: int, stride: int, dilation: int, pads: Any) -> None:
    net = Net([1, 3, 11])
    x, w = net.quant("x", 0.25, 0.0, 5), weights(net, 4, 3, kernel)
    net.quant(net.op("Conv", x, w, strides=[stride], dilations=[dilation], pads=pads), 0.4, 0.0, 4)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize(("kernel", "strides"), [((2, 3), (1, 1)), ((3, 4), (2, 3)), ((1, 2), (3, 1))])
def test_automatic_padding(tmp_path: Path, mode: str, kernel: Any, strides: Any) -> None:
    net = Net([1, 2, 7, 6])
    x, w = net.quant("x", 0.25, 0.0, 5), weights(net, 3, 2, *kernel)
    net.quant(net.op("Conv", x, w, kernel_shape=kernel, strides=strides, auto_pad=mode), 0.4, 0.0, 4)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize(("inputs", "outputs", "groups"), [(4, 6, 2), (4, 4, 4), (3, 6, 3), (5, 15, 5)])
@pytest.mark.parametrize("channel_scales", [False, True])
def test_groups_and_depthwise(tmp_path: Path, inputs: int, outputs: int, groups: int, channel_scales: bool) -> None:
    net = Net([1, inputs, 5, 4])
    scale = RNG.uniform(0.1, 0.6, (outputs, 1, 1, 1)) if channel_scales else 0.3
    x, w = net.quant("x", 0.25, 0.0, 5), weights(net, outputs, inputs // groups, 3, 3, scale=scale)
    net.quant(net.op("Relu", net.op("Conv", x, w, group=groups, pads=[1, 1, 1, 1])), 0.4, 0.0, 4, signed=0)
    (conv,) = linears(assert_exact(net, tmp_path, images(net)))
    assert conv.groups == groups


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_input_scales_of_their_own(tmp_path: Path, groups: int) -> None:
    """Unrelated scales per input channel go into the weights as exact integers."""
    net = Net([1, 4, 5, 4])
    x = net.quant("x", RNG.uniform(0.1, 0.4, (1, 4, 1, 1)), 0.0, 5)
    w = weights(net, 4, 4 // groups, 3, 3, scale=RNG.uniform(0.1, 0.6, (4, 1, 1, 1)))
    net.quant(net.op("Conv", x, w, group=groups, pads=[1, 1, 1, 1]), 0.4, 0.0, 4)
    assert_exact(net, tmp_path, images(net))


def test_weight_scales_inside_a_filter(tmp_path: Path) -> None:
    net = Net([1, 3, 5, 4])
    w = weights(net, 4, 3, 2, 2, scale=RNG.uniform(0.1, 0.6, (1, 3, 1, 1)))
    net.quant(net.op("Conv", net.quant("x", 0.25, 0.0, 5), w), 0.4, 0.0, 4)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("zero", [3.0, -2.0])
@pytest.mark.parametrize("groups", [1, 2])
def test_padding_of_a_shifted_activation_is_its_zero_point(tmp_path: Path, zero: float, groups: int) -> None:
    net = Net([1, 2, 4, 4])
    w = weights(net, 2, 2 // groups, 3, 3)
    net.quant(net.op("Conv", net.quant("x", 0.25, zero, 4), w, pads=[1, 1, 1, 1], group=groups), 0.4, 0.0, 5)
    graph = assert_exact(net, tmp_path, images(net))
    (pad,) = (n for n in graph.nodes if isinstance(n, Pad))
    assert pad.value == zero


def test_padding_of_channels_with_zero_points_of_their_own(tmp_path: Path) -> None:
    """No single integer means zero in every channel: the zero points are taken away first."""
    net = Net([1, 2, 4, 4])
    x = net.quant("x", 0.25, [[[[1.0]], [[3.0]]]], 4)
    net.quant(net.op("Conv", x, weights(net, 2, 2, 3, 3), pads=[1, 1, 1, 1]), 0.4, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


def test_padding_with_a_zero_between_two_integers_is_refused(tmp_path: Path) -> None:
    net = Net([1, 2, 4, 4])
    x = net.op("Add", net.quant("x", 0.25, 0.0, 4), 0.1)
    net.quant(net.op("Conv", x, weights(net, 2, 2, 3, 3), pads=[1, 1, 1, 1]), 0.4, 0.0, 5)
    with pytest.raises(IsobitError) as refusal:
        assert_exact(net, tmp_path, images(net))
    assert refusal.value.code == "E208"


def test_shifted_weights(tmp_path: Path) -> None:
    net = Net([1, 2, 4, 4])
    w = net.quant(RNG.normal(size=(3, 2, 2, 2)), 0.3, 2.0, 4)
    net.quant(net.op("Conv", net.quant("x", 0.25, 0.0, 4), w, pads=[1, 0, 0, 1]), 0.4, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_bipolar_activations_are_padded_with_zero(tmp_path: Path, scale: float) -> None:
    net = Net([1, 2, 4, 4])
    y = net.op("Conv", net.bipolar("x", scale), net.bipolar(RNG.normal(size=(3, 2, 3, 3)), 0.5), pads=[1, 1, 1, 1])
    y = net.bipolar(net.op("Add", y, [[[[0.1]], [[-0.2]], [[0.3]]]]), scale)
    net.quant(net.op("Conv", y, net.bipolar(RNG.normal(size=(2, 3, 3, 3)), 0.5), pads=[1, 1, 1, 1]), 0.4, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("kind", ["float", "quantised", "channels"])
def test_bias(tmp_path: Path, kind: str) -> None:
    net = Net([1, 2, 4, 4])
    values = RNG.normal(0, 2, 3)
    bias = {
        "float": lambda: net.const(values),
        "quantised": lambda: net.quant(values, 0.25 * 0.3, 0.0, 16),
        "channels": lambda: net.quant(values, [0.1, 0.07, 0.3], 0.0, 6),
    }[kind]()
    net.quant(net.op("Conv", net.quant("x", 0.25, 1.0, 4), weights(net, 3, 2, 3, 3), bias), 0.4, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("rank", [1, 2])
def test_batch_norm_with_falling_channels(tmp_path: Path, rank: int) -> None:
    spatial = (5, 4)[:rank]
    net = Net([1, 2, *spatial])
    y = net.op("Conv", net.quant("x", 0.25, 0.0, 4), weights(net, 4, 2, *(3,) * rank), pads=[1] * (2 * rank))
    gamma, beta, mean = [1.2, -0.7, 0.4, -0.9], RNG.normal(size=4), RNG.normal(size=4)
    y = net.op("BatchNormalization", y, gamma, beta, mean, RNG.uniform(0.5, 2, 4))
    net.quant(net.op("Relu", y), 0.3, 0.0, 3, signed=0)
    assert_exact(net, tmp_path, images(net))


def test_unquantised_output_keeps_channel_scales(tmp_path: Path) -> None:
    net = Net([1, 2, 4, 3])
    w = weights(net, 3, 2, 2, 2, scale=RNG.uniform(0.1, 0.6, (3, 1, 1, 1)))
    net.op("Conv", net.quant("x", 0.25, 1.0, 4), w, RNG.normal(size=3))
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (3, 5)])
def test_flat_images_and_prime_channels(tmp_path: Path, size: Any) -> None:
    net = Net([1, 5, *size])
    y = net.quant(net.op("Conv", net.quant("x", 0.25, 0.0, 4), weights(net, 7, 5, 3, 3), pads=[1] * 4), 0.3, 0.0, 4)
    net.quant(net.op("Conv", y, weights(net, 11, 7, 1, 1), strides=[2, 2]), 0.4, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("opset", [9, 11, 13, 18])
def test_the_same_in_every_opset(tmp_path: Path, opset: int) -> None:
    net = Net([1, 2, 4, 4])
    net.quant(net.op("Conv", net.quant("x", 0.25, 0.0, 4), weights(net, 3, 2, 3, 3)), 0.4, 0.0, 5)
    assert_exact(net, tmp_path, images(net), opset=opset)


def test_channels_last_around_a_convolution(tmp_path: Path) -> None:
    """Transposes of an NHWC framework vanish."""
    net = Net([1, 5, 4, 2])
    y = net.op("Transpose", net.quant("x", 0.25, 0.0, 4), perm=[0, 3, 1, 2])
    y = net.op("Conv", y, weights(net, 3, 2, 3, 3), pads=[1] * 4)
    y = net.quant(net.op("Transpose", y, perm=[0, 2, 3, 1]), 0.3, 0.0, 4)
    net.op(
        "Transpose",
        net.op("Conv", net.op("Transpose", y, perm=[0, 3, 1, 2]), weights(net, 2, 3, 1, 1)),
        perm=[0, 2, 3, 1],
    )
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("flatten", ["Flatten", "Reshape", "Transpose"])
def test_dense_after_convolution(tmp_path: Path, flatten: str) -> None:
    net = Net([1, 2, 5, 4])
    y = net.quant(net.op("Conv", net.quant("x", 0.25, 0.0, 4), weights(net, 3, 2, 3, 3)), 0.4, 0.0, 5)
    if flatten == "Transpose":
        y = net.op("Transpose", y, perm=[0, 2, 3, 1])
    shape = net.const([1, -1], np.int64)
    y = net.op("Flatten", y) if flatten == "Flatten" else net.op("Reshape", y, shape)
    net.quant(net.op("MatMul", y, weights(net, 18, 4)), 0.5, 0.0, 6)
    assert_exact(net, tmp_path, images(net))


# -------------------------------------------------------------------------------------------- transposed convolution


@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (3, 2)])
@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 4), (5, 3)])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 0, 0, 1)])
def test_transposed_convolution(tmp_path: Path, strides: Any, kernel: Any, pads: Any) -> None:
    net = Net([1, 2, 4, 3])
    x, w = net.quant("x", 0.25, 1.0, 4), weights(net, 2, 3, *kernel, scale=RNG.uniform(0.1, 0.6, (1, 3, 1, 1)))
    y = net.op("ConvTranspose", x, w, RNG.normal(size=3), kernel_shape=kernel, strides=strides, pads=pads)
    net.quant(y, 0.4, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [{}, {"pads": [1, 2]}, {"auto_pad": "SAME_UPPER"}, {"auto_pad": "SAME_LOWER"}])
def test_transposed_convolution_in_one_dimension(tmp_path: Path, stride: int, padding: dict[str, Any]) -> None:
    net = Net([1, 2, 6])
    x, w = net.quant("x", 0.25, 0.0, 4), weights(net, 2, 3, 4)
    net.quant(net.op("ConvTranspose", x, w, kernel_shape=[4], strides=[stride], **padding), 0.4, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("extra", [(1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1)])
def test_transposed_convolution_with_output_padding(tmp_path: Path, extra: Any, pads: Any) -> None:
    net = Net([1, 2, 4, 3])
    x, w = net.quant("x", 0.25, 0.0, 4), weights(net, 2, 3, 3, 3)
    net.quant(net.op("ConvTranspose", x, w, strides=[2, 2], pads=pads, output_padding=extra), 0.4, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


def test_transposed_convolution_after_convolution(tmp_path: Path) -> None:
    net = Net([1, 2, 6, 6])
    y = net.quant(net.op("Conv", net.quant("x", 0.25, 0.0, 4), weights(net, 5, 2, 3, 3), strides=[2, 2]), 0.4, 2.0, 4)
    y = net.quant(net.op("ConvTranspose", y, weights(net, 5, 3, 2, 2), strides=[2, 2]), 0.6, 0.0, 4)
    net.quant(net.op("Conv", y, weights(net, 1, 3, 3, 3), pads=[1] * 4), 0.7, 0.0, 4)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("dilations", [(1, 1), (2, 1), (2, 3)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
def test_grouped_and_dilated_transposed_convolution(tmp_path: Path, groups: int, dilations: Any, strides: Any) -> None:
    net = Net([1, 4, 4, 3])
    scale = RNG.uniform(0.1, 0.6, (4, 1, 1, 1) if groups == 4 else (1, 3, 1, 1))
    x, w = net.quant("x", 0.25, 1.0, 4), weights(net, 4, 1 if groups == 4 else 3, 3, 2, scale=scale)
    attrs = {"group": groups, "dilations": dilations, "strides": strides, "pads": (1, 0, 0, 1)}
    net.quant(net.op("ConvTranspose", x, w, **attrs), 0.4, 0.0, 5)
    assert_exact(net, tmp_path, images(net))
