"""Seeded Brevitas networks for the tests and for the published table of exact models.

Every network is a dense one with non-trivial BatchNorm statistics and affine parameters (some scales are negative)
and with scales calibrated by a few forward passes in train mode; it is returned in eval mode. Nothing is trained:
what is tested is arithmetic, and random weights reach more of it than trained ones.

Bits mean: 1 is bipolar (-1, +1), 2 and more are integers. A layer's quantisers are named by :class:`Net`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import brevitas.nn as qnn
import brevitas.quant as q
import numpy as np
import torch
from brevitas.core.function_wrapper import TensorClamp
from brevitas.quant.fixed_point import Int8WeightPerChannelFixedPoint
from torch import nn

Bias = Literal["none", "float", "int"]
Act = Literal["relu", "identity", "hardtanh", "clip", "leaky", "prelu", "sigmoid", "tanh", "shifted", "const"]
Weights = Literal["int", "ternary"]
CALIBRATION_PASSES = 12


@dataclass(frozen=True)
class Net:
    """A named configuration; :meth:`build` makes the network, always the same one.

    Attributes:
        name: unique among :data:`CASES`.
        sizes: features of the input, of each hidden layer, of the output.
        weight_bits, act_bits, input_bits: 1 (bipolar) to 16.
        per_channel: one weight scale per output channel, else one per layer.
        pow2: every scale is a power of two, else free (float).
        batchnorm: BatchNorm after each layer but an unquantised last one.
        bias: of the dense layers; ``int`` has 32 bits and the scale of the accumulator.
        act: ``shifted`` is unsigned with a non-zero zero point, ``const`` is FINN's narrow range on [-1, 1].
        weights: ``ternary`` is -s, 0, +s by a threshold, whatever ``weight_bits``.
        narrow: the weights' most negative level is not used.
        output_quant: the output passes an 8-bit quantiser, else it is the scaled accumulator.
    """

    name: str
    sizes: tuple[int, ...]
    weight_bits: int
    act_bits: int
    per_channel: bool = True
    pow2: bool = False
    batchnorm: bool = True
    bias: Bias = "none"
    act: Act = "relu"
    weights: Weights = "int"
    narrow: bool = True
    input_bits: int = 8
    output_quant: bool = True
    seed: int = 0

    def build(self) -> nn.Sequential:
        """The network in eval mode; the global random generator of torch is left as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = nn.Sequential(*_layers(self))
            _scatter_affine_parameters(network)
            network.train()
            for step in range(CALIBRATION_PASSES):
                network(torch.from_numpy(self.inputs(64, seed=1000 + step)))
        return network.eval()

    def inputs(self, count: int, seed: int) -> np.ndarray:
        """Input vectors, float32 [count, sizes[0]], a few of them beyond the calibrated range."""
        generator = np.random.default_rng(seed)
        return generator.uniform(-1.1, 1.1, (count, self.sizes[0])).astype(np.float32)


def mlp(
    sizes: tuple[int, ...],
    weight_bits: int,
    act_bits: int,
    *,
    per_channel: bool = True,
    pow2: bool = False,
    batchnorm: bool = True,
    bias: Bias = "none",
    act: Act = "relu",
    weights: Weights = "int",
    narrow: bool = True,
    input_bits: int = 8,
    output_quant: bool = True,
    seed: int = 0,
) -> nn.Sequential:
    """A network by its configuration (see :class:`Net`), without a name."""
    return Net(
        "mlp", sizes, weight_bits, act_bits, per_channel, pow2, batchnorm, bias, act, weights, narrow, input_bits,
        output_quant, seed,
    ).build()  # fmt: skip


def tfc(bits: int, **options: Any) -> nn.Sequential:
    """FINN's tiny shape, 784-64-64-64-10, with ``bits`` for weights and activations; ``options`` as for :func:`mlp`."""
    return _finn_shaped("tfc", bits, **options).build()


def sfc(bits: int, **options: Any) -> nn.Sequential:
    """FINN's small shape, 784-256-256-256-10."""
    return _finn_shaped("sfc", bits, **options).build()


def lfc(bits: int, **options: Any) -> nn.Sequential:
    """FINN's large shape, 784-1024-1024-1024-10."""
    return _finn_shaped("lfc", bits, **options).build()


WIDTHS = {"tfc": 64, "sfc": 256, "lfc": 1024}
FINN_BITS = (1, 2, 3, 4, 6, 8)


def _finn_shaped(shape: str, bits: int, **options: Any) -> Net:
    sizes = (784, *[WIDTHS[shape]] * 3, 10)
    net = Net(f"{shape}_w{bits}a{bits}", sizes, bits, bits, input_bits=1 if bits == 1 else 8)
    return replace(net, **options)


# --- building --------------------------------------------------------------------------------------------------------


def _layers(net: Net) -> list[nn.Module]:
    layers: list[nn.Module] = [_quantiser(net, net.input_bits)]
    last = len(net.sizes) - 2
    for index, (inputs, outputs) in enumerate(pairwise(net.sizes)):
        layers.append(_dense(net, inputs, outputs))
        if net.batchnorm and (index < last or net.output_quant):
            layers.append(nn.BatchNorm1d(outputs))
        if index < last:
            layers += _activation(net)
    return [*layers, _quantiser(net, 8)] if net.output_quant else layers


def _dense(net: Net, inputs: int, outputs: int) -> nn.Module:
    bias_quant = q.Int32Bias if net.bias == "int" else None
    layer = qnn.QuantLinear(inputs, outputs, bias=net.bias != "none", bias_quant=bias_quant, **_weight_options(net))
    nn.init.normal_(layer.weight, std=inputs**-0.5)
    return layer  # type: ignore[no-any-return]


def _weight_options(net: Net) -> dict[str, Any]:
    """The keyword arguments of ``QuantLinear`` that choose the weights' quantiser."""
    scale = {"weight_scaling_const": 0.125} if net.pow2 else {}
    if net.weights == "ternary":
        return {"weight_quant": q.SignedTernaryWeightPerTensorConst, "weight_threshold": 0.5, **scale}
    if net.weight_bits == 1:
        return {"weight_quant": q.SignedBinaryWeightPerTensorConst, **scale, **_binary_scales(net)}
    quantiser = {
        (False, False): q.Int8WeightPerTensorFloat,
        (False, True): q.Int8WeightPerChannelFloat,
        (True, False): q.Int8WeightPerTensorFixedPoint,
        (True, True): Int8WeightPerChannelFixedPoint,
    }[net.pow2, net.per_channel]
    return {"weight_quant": quantiser, "weight_bit_width": net.weight_bits, "weight_narrow_range": net.narrow}


def _binary_scales(net: Net) -> dict[str, Any]:
    """One scale per channel, the mean magnitude, in place of the constant one.

    The quantiser's own clamp works in place: with a scale that follows the weights, each call would change both.
    """
    if not net.per_channel:
        return {}
    names = {"scaling_impl_type": "stats", "scaling_stats_op": "ave", "scaling_per_output_channel": True}
    names |= {"tensor_clamp_impl": TensorClamp, "restrict_scaling_type": "power_of_two" if net.pow2 else "fp"}
    return {f"weight_{name}": value for name, value in names.items()}


def _quantiser(net: Net, bits: int) -> nn.Module:
    """A signed quantiser without an activation function."""
    options: dict[str, Any] = {"return_quant_tensor": net.bias == "int"}
    if bits == 1:
        options |= {"act_quant": q.SignedBinaryActPerTensorConst}
    elif net.act == "const":
        options |= {"act_quant": q.Int8ActPerTensorFloat, "bit_width": bits, "scaling_impl_type": "const"}
        options |= {"min_val": -1.0, "max_val": 1.0, "narrow_range": True}
    else:
        options |= {"act_quant": _signed(net), "bit_width": bits}
    return qnn.QuantIdentity(**options)  # type: ignore[no-any-return]


def _signed(net: Net) -> type:
    return q.Int8ActPerTensorFixedPoint if net.pow2 else q.Int8ActPerTensorFloat  # type: ignore[no-any-return]


def _unsigned(net: Net) -> type:
    return q.Uint8ActPerTensorFixedPoint if net.pow2 else q.Uint8ActPerTensorFloat  # type: ignore[no-any-return]


def _unit_range(net: Net) -> type:
    return q.Int8ActPerTensorFixedPointMinMaxInit if net.pow2 else q.Int8ActPerTensorFloatMinMaxInit  # type: ignore


def _shifted(net: Net) -> type:
    return q.ShiftedUint8ActPerTensorFixedPoint if net.pow2 else q.ShiftedUint8ActPerTensorFloat  # type: ignore


def _activation(net: Net) -> list[nn.Module]:
    """The layers between two dense ones; a single bit is the sign, whatever the activation."""
    if net.act_bits == 1:
        return [_quantiser(net, 1)]
    options: dict[str, Any] = {"bit_width": net.act_bits, "return_quant_tensor": net.bias == "int"}
    made: dict[str, Callable[[], list[nn.Module]]] = {
        "relu": lambda: [qnn.QuantReLU(act_quant=_unsigned(net), **options)],
        "identity": lambda: [_quantiser(net, net.act_bits)],
        "const": lambda: [_quantiser(net, net.act_bits)],
        "hardtanh": lambda: [qnn.QuantHardTanh(act_quant=_unit_range(net), min_val=-1.0, max_val=1.0, **options)],
        "clip": lambda: [nn.Hardtanh(), _quantiser(net, net.act_bits)],
        "leaky": lambda: [nn.LeakyReLU(0.125), _quantiser(net, net.act_bits)],
        "prelu": lambda: [nn.PReLU(), _quantiser(net, net.act_bits)],
        "sigmoid": lambda: [qnn.QuantSigmoid(act_quant=_unsigned(net), **options)],
        "tanh": lambda: [qnn.QuantTanh(act_quant=_signed(net), **options)],
        "shifted": lambda: [qnn.QuantIdentity(act_quant=_shifted(net), **options)],
    }
    return made[net.act]()


def _scatter_affine_parameters(network: nn.Sequential) -> None:
    """BatchNorm scales in 0.5..1.5, about one in eight negative, and shifts in -0.5..0.5."""
    for layer in network:
        if isinstance(layer, nn.BatchNorm1d):
            sign = torch.where(torch.rand_like(layer.weight) < 0.125, -1.0, 1.0)
            layer.weight.data = sign * (0.5 + torch.rand_like(layer.weight))
            layer.bias.data = torch.rand_like(layer.bias) - 0.5


# --- the lists -------------------------------------------------------------------------------------------------------


def _finn_cases() -> tuple[Net, ...]:
    """Every shape and width, with free scales per channel and powers of two per tensor; TFC also crosswise."""
    scales = {"free_channel": (False, True), "pow2_tensor": (True, False)}
    crosswise = {"free_tensor": (False, False), "pow2_channel": (True, True)}
    return tuple(
        _finn_shaped(shape, bits, name=f"{shape}_w{bits}a{bits}_{scale}", pow2=pow2, per_channel=per_channel)
        for shape in WIDTHS
        for bits in FINN_BITS
        for scale, (pow2, per_channel) in (scales | crosswise if shape == "tfc" else scales).items()
    )


_SMALL = (16, 12, 8, 5)

FAST_CASES: tuple[Net, ...] = (
    Net("small_w4a4", _SMALL, 4, 4),
    Net("small_w8a8_pow2_tensor", _SMALL, 8, 8, per_channel=False, pow2=True),
    Net("small_w1a1", _SMALL, 1, 1, per_channel=False, input_bits=1),
    Net("small_w1a2_channel", _SMALL, 1, 2),
    Net("small_ternary_a3", _SMALL, 2, 3, weights="ternary"),
    Net("small_w16a16", _SMALL, 16, 16, input_bits=16),
    Net("small_w3a5_shifted", _SMALL, 3, 5, act="shifted"),
    Net("small_w5a4_float_bias", _SMALL, 5, 4, batchnorm=False, bias="float", narrow=False),
    Net("small_w4a6_int_bias", _SMALL, 4, 6, batchnorm=False, bias="int", output_quant=False),
    Net("small_w4a4_hardtanh", _SMALL, 4, 4, act="hardtanh"),
    Net("small_w4a5_clip", _SMALL, 4, 5, act="clip", batchnorm=False, bias="float"),
    Net("small_w2a2_const", _SMALL, 2, 2, act="const", per_channel=False),
)
"""Small networks, one for each kind of quantiser, for tests that run each time."""

_MORE_CASES: tuple[Net, ...] = (
    Net("jet_w8a8", (16, 64, 32, 32, 5), 8, 8, bias="float"),
    Net("jet_w4a4_raw_output", (16, 64, 32, 32, 5), 4, 4, output_quant=False),
    Net("jet_w6a6_int_bias", (16, 64, 32, 32, 5), 6, 6, bias="int"),
    Net("jet_w8a8_shifted", (16, 64, 32, 32, 5), 8, 8, act="shifted"),
    Net("jet_w8a8_shifted_pow2", (16, 64, 32, 32, 5), 8, 8, act="shifted", pow2=True),
    Net("jet_w16a16", (16, 64, 32, 32, 5), 16, 16, input_bits=16),
    Net("jet_w16a16_pow2", (16, 64, 32, 32, 5), 16, 16, input_bits=16, pow2=True),
    Net("jet_w8a8_wide_range", (16, 64, 32, 32, 5), 8, 8, narrow=False),
    Net("jet_w4a8_identity", (16, 64, 32, 32, 5), 4, 8, act="identity"),
    Net("jet_w4a8_leaky", (16, 64, 32, 32, 5), 4, 8, act="leaky"),
    Net("jet_w4a8_prelu", (16, 64, 32, 32, 5), 4, 8, act="prelu"),
    Net("jet_w4a8_sigmoid", (16, 64, 32, 32, 5), 4, 8, act="sigmoid"),
    Net("jet_w4a8_tanh", (16, 64, 32, 32, 5), 4, 8, act="tanh"),
    Net("jet_ternary_a2", (16, 64, 32, 32, 5), 2, 2, weights="ternary"),
)

CASES: tuple[Net, ...] = FAST_CASES + _MORE_CASES + _finn_cases()
"""Every configuration of the published table; the names are unique."""
