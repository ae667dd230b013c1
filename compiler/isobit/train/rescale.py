"""Rescale-aware training: a Brevitas network whose forward pass uses the short multiplicands that will be built.

The idea is that of Mueller et al., arXiv 2510.11484: the rescaler's error is part of the forward pass, gradients pass
straight through, and a short fine-tune restores the accuracy. How it is done here is ours. First the network is
rewritten without a change of meaning: every activation scale becomes a power of two, and what it was besides moves
into the weights around it (a positive factor commutes with ReLU, pools and sums); BatchNorm moves into the weights.
Then the weight scale of every channel is rounded to k significant bits in each forward pass, and with it the
multiplicand, as nothing else has any. The weights are quantised anew with the rounded scale, so that the rescaler's
error is gone at once and only the weights' own rounding changes.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from isobit.train.activations import Levels, Scale, levels_of, power_of_two, quantiser
from isobit.train.layers import Exact, Folded, fold, like, weight_scale
from isobit.train.network import QUANTISERS, WEIGHTED, Network, Region, refuse, trace
from isobit.train.short import Shift, ShortScale, refuse_bits


def rescale_aware(
    model: nn.Module, bits: int, example: Tensor | None = None, *, shift: Shift = "layer", keep_batchnorm: bool = False
) -> fx.GraphModule:
    """A copy of ``model`` whose requantizers have multiplicands of at most ``bits`` bits; train it and compile it.

    Args:
        model: a calibrated Brevitas network of QuantLinear, QuantConv1d and QuantConv2d (integer weights of 2 bits
            and more), BatchNorm, QuantReLU, QuantIdentity, QuantHardTanh, pools, flattening and sums.
        bits: 1 to 16.
        example: an input batch; needed where there is an average pool.
        shift: whether all channels of a layer share one shift, or each has its own.
        keep_batchnorm: BatchNorm keeps its parameters and running statistics until :func:`finish`, else it is folded
            into the weights at once.

    Returns:
        the network, in eval mode. Its output has the scale of the model's. Forward, export, integer graph and C++ agree
        bit for bit. Quantisers that meet in one sum or read one value get scales whose ratios are powers of two: where
        theirs were not, the others move to the nearest, a change of meaning that training has to repair.

    Raises:
        IsobitError: E304, naming the layer, where the network has something that is not listed above.
    """
    refuse_bits(bits, type(model).__name__)
    network = trace(copy.deepcopy(model).eval(), example)
    quantisers = _settle(network)
    _replace(network, quantisers, _facts(network, quantisers), _Request(bits, shift, keep_batchnorm))
    _scale_ports(network)
    network.module.graph.lint()
    network.module.delete_all_unused_submodules()
    network.module.recompile()
    return network.module.eval()


def finish(model: nn.Module) -> nn.Module:
    """Folds the BatchNorms that :func:`rescale_aware` kept, in place; the forward pass does not change by a bit."""
    for layer in model.modules():
        if isinstance(layer, Exact):
            fold(layer)
    return model.eval()


def multiplicands(model: nn.Module) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """The m and s of every layer's weight scale ``m * 2**-s``, per channel, by the layer's name."""
    pairs = {name: layer.scale.multiplicand() for name, layer in model.named_modules() if isinstance(layer, Exact)}
    return {name: (tuple(m.int().tolist()), tuple(s.tolist())) for name, (m, s) in pairs.items()}


@dataclass
class _Fact:
    """What is known of a value: whole multiples of ``unit``, or what the layer ``layer`` makes, or the raw input."""

    unit: float | None = None
    layer: fx.Node | None = None


@dataclass
class _Plan:
    """Facts by node; per layer the power of two of the quantiser behind it; the quantisers that round down."""

    facts: dict[fx.Node, _Fact]
    steps: dict[fx.Node, float]
    floors: set[fx.Node]


def _settle(network: Network) -> dict[fx.Node, tuple[Levels, float]]:
    """Levels and new scale of every quantiser; each region gets the factor that its first quantiser asks for."""
    found = {}
    for node in network.module.graph.nodes:
        if network.is_a(node, QUANTISERS):
            levels = levels_of(network.layer(node), str(node.target))
            region = network.regions[node].root()
            if not region.settled:
                region.factor, region.settled = power_of_two(levels.scale) / levels.scale, True
            found[node] = levels, power_of_two(levels.scale * region.factor)
    return found


def _facts(network: Network, quantisers: dict[fx.Node, tuple[Levels, float]]) -> _Plan:
    plan = _Plan({}, {}, set())
    for node in network.regions:
        operands = [plan.facts[n] for n in network.operands(node)]
        if network.is_a(node, WEIGHTED):
            if operands[0].unit is None:
                raise refuse("the layer's input is not quantised", str(node.target), "put a QuantIdentity before it")
            plan.facts[node] = _Fact(layer=node)
        elif node in quantisers:
            plan.facts[node] = _Fact(unit=quantisers[node][1])
            if operands[0].layer is not None:
                plan.floors.add(node)
                _claim(plan, operands[0].layer, quantisers[node][1])
        else:
            plan.facts[node] = _passed(network, node, operands)
    _check_outputs(network, plan)
    return plan


def _claim(plan: _Plan, layer: fx.Node, step: float) -> None:
    if plan.steps.setdefault(layer, step) != step:
        raise refuse("two quantisers with different scales read one layer", str(layer.target), "quantise it once")


def _passed(network: Network, node: fx.Node, operands: list[_Fact]) -> _Fact:
    """Of a node that is neither a layer nor a quantiser."""
    if not operands:
        return _Fact()
    first, divisor = operands[0], network.divisors.get(node, 1)
    if len(operands) == 1 and divisor == 1:
        return first
    units = [f.unit for f in operands if f.unit is not None]
    if len(units) < len(operands):
        raise refuse("a sum or an average of what is not quantised", node.name, "put a QuantIdentity before it")
    if divisor & (divisor - 1):
        message = f"an average over {divisor} values divides by no power of two"
        raise refuse(message, str(node.target), "choose a window of 2, 4, 8, ... values")
    return _Fact(unit=min(units) / divisor)


def _check_outputs(network: Network, plan: _Plan) -> None:
    """A layer that rounds down for a quantiser cannot be an output as well."""
    for node in network.module.graph.nodes:
        for value in network.operands(node) if node.op == "output" else ():
            layer = plan.facts[value].layer
            if layer is not None and layer in plan.steps:
                raise refuse("the layer feeds a quantiser and an output", str(layer.target), "output what is quantised")


@dataclass(frozen=True)
class _Request:
    """What the user asked for, see :func:`rescale_aware`."""

    bits: int
    shift: Shift
    keep_batchnorm: bool


def _replace(network: Network, quantisers: dict[fx.Node, tuple[Levels, float]], plan: _Plan, request: _Request) -> None:
    for node, (levels, scale) in quantisers.items():
        network.module.set_submodule(str(node.target), quantiser(levels, scale, node in plan.floors))
    for node in [n for n in network.regions if network.is_a(n, WEIGHTED)]:
        (source,) = network.operands(node)
        unit = plan.facts[source].unit
        assert unit is not None
        made = _layer(network, node, request)
        made.setup(unit, plan.steps.get(node))
        if not request.keep_batchnorm:
            fold(made)
        network.module.set_submodule(str(node.target), made)
        if (norm := network.norms.get(node)) is not None:
            norm.replace_all_uses_with(node)
            network.module.graph.erase_node(norm)


def _layer(network: Network, node: fx.Node, request: _Request) -> Exact:
    """The exact layer that does what ``node`` and the BatchNorm behind it do, in the factors of the regions around."""
    old, (source,) = network.layer(node), network.operands(node)
    before, after = (network.regions[n].root().factor for n in (source, node))
    norm = Folded(network.layer(network.norms[node])) if node in network.norms else None
    start = weight_scale(old, str(node.target)) * (after / before)
    if norm is not None:
        start = start * norm.slope().detach().abs()
    made = like(old, ShortScale(_alive(start), request.bits, request.shift, old.weight.dim()))
    made.norm = norm
    with torch.no_grad():
        made.weight.copy_(old.weight / before)
        if made.bias is not None:
            made.bias.copy_(old.bias)
        for parameter in (norm.gamma, norm.beta) if norm is not None else (made.weight, made.bias):
            if parameter is not None:
                parameter.mul_(after)
    return made


def _alive(scale: Tensor) -> Tensor:
    """Channels that BatchNorm has switched off get the least scale of the others, or 1."""
    alive = scale[scale > 0]
    return torch.where(scale > 0, scale, alive.min() if len(alive) else torch.ones(()))


def _scale_ports(network: Network) -> None:
    """Constants at inputs and outputs whose regions have a factor, so that the network's meaning stays."""
    for node in list(network.module.graph.nodes):
        if node.op == "placeholder" and network.regions[node].root().factor != 1:
            users = list(node.users)
            made = _insert(network, node, f"{node.name}_scale", network.regions[node].root().factor)
            for user in users:
                user.replace_input_with(node, made)
        elif node.op == "output":
            for value in list(node.all_input_nodes):
                _unscale(network, node, value)


def _unscale(network: Network, output: fx.Node, value: fx.Node) -> None:
    region = network.regions[value].root() if value in network.regions else Region()
    if region.factor != 1:
        output.replace_input_with(value, _insert(network, value, f"{value.name}_scale", 1 / region.factor))


def _insert(network: Network, node: fx.Node, name: str, factor: float) -> fx.Node:
    network.module.add_submodule(name, Scale(factor))
    with network.module.graph.inserting_after(node):
        made: fx.Node = network.module.graph.call_module(name, (node,))
    return made
