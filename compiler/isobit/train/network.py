"""The flow of values through a Brevitas network, traced with torch.fx: who scales whom.

A *region* is a set of values that must be multiplied by one factor together: everything that quantisers, ReLU, pools,
reshapes and sums connect. Layers with weights and the network's own inputs lie between regions, so each can have a
factor of its own, which the weights absorb.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, field
from typing import Any

import brevitas.nn as qnn
import torch
from torch import Tensor, fx, nn

from isobit.errors import IsobitError

WEIGHTED = (qnn.QuantLinear, qnn.QuantConv1d, qnn.QuantConv2d)
QUANTISERS = (qnn.QuantReLU, qnn.QuantIdentity, qnn.QuantHardTanh)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
AVERAGES = (nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)
PASSING = (
    nn.ReLU, nn.MaxPool1d, nn.MaxPool2d, nn.Flatten, nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d,
    nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d,
)  # fmt: skip
_ADD = (operator.add, operator.iadd, torch.add)
_PASSING_CALLS = (torch.flatten, torch.relu, nn.functional.relu, nn.functional.max_pool1d, nn.functional.max_pool2d)
_PASSING_METHODS = ("flatten", "view", "reshape", "relu", "contiguous")
_SHAPES = ("size", "shape", "dim")
HINT = "quantise with QuantIdentity, QuantReLU or QuantHardTanh; between them are dense layers and convolutions, " + (
    "BatchNorm, ReLU, pools, flattening and sums"
)


def refuse(message: str, where: str, hint: str = "") -> IsobitError:
    """E304 at a module's or node's name."""
    return IsobitError("E304", message, where=where, hint=hint)


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        ours = isinstance(m, WEIGHTED + QUANTISERS) or m.__module__.startswith(("brevitas", "isobit"))
        return ours or super().is_leaf_module(m, module_qualified_name)


class _Shapes(fx.Interpreter):
    """Runs the network once and keeps the shape of every tensor."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.shapes: dict[fx.Node, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> object:
        made = super().run_node(n)
        if hasattr(made, "shape"):
            self.shapes[n] = tuple(made.shape)
        return made


@dataclass(eq=False)
class Region:
    """Values with one factor; ``factor`` is set when the first quantiser's scale has become a power of two."""

    parent: Region | None = None
    factor: float = 1.0
    settled: bool = False

    def root(self) -> Region:
        """The region that this one has become part of."""
        return self if self.parent is None else self.parent.root()


@dataclass
class Network:
    """A traced network.

    Attributes:
        module: leaves are Brevitas and torch layers; every call has a module of its own.
        regions: of every value, by its node.
        norms: layer to the BatchNorm behind it.
        divisors: an average pool to its window's size.
    """

    module: fx.GraphModule
    regions: dict[fx.Node, Region] = field(default_factory=dict)
    norms: dict[fx.Node, fx.Node] = field(default_factory=dict)
    divisors: dict[fx.Node, int] = field(default_factory=dict)

    def layer(self, node: fx.Node) -> Any:
        """The module that a ``call_module`` node calls."""
        return self.module.get_submodule(str(node.target))

    def is_a(self, node: object, kinds: tuple[type, ...]) -> bool:
        """Does the node call a module of one of these classes?"""
        return isinstance(node, fx.Node) and node.op == "call_module" and isinstance(self.layer(node), kinds)

    def operands(self, node: fx.Node) -> list[fx.Node]:
        """The nodes among a node's inputs that are values of the network, not shapes."""
        return [n for n in node.all_input_nodes if n in self.regions]


def trace(model: nn.Module, example: Tensor | None) -> Network:
    """The network of ``model``, whose layers it goes on using, its regions joined.

    Raises:
        IsobitError: E304 for anything that has no exact integer form here, naming it.
    """
    network = Network(_traced(model))
    _own_modules(network)
    shapes = _shapes(network, example)
    for node in network.module.graph.nodes:
        region = _region(network, node)
        if region is not None:
            network.regions[node] = region
        if network.is_a(node, AVERAGES):
            network.divisors[node] = _divisor(network.layer(node), node, shapes)
    return network


def _traced(model: nn.Module) -> fx.GraphModule:
    try:
        tracer = _Tracer()
        return fx.GraphModule(model, tracer.trace(model), type(model).__name__)
    except Exception as error:
        message = f"the forward pass cannot be traced: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise refuse(message, type(model).__name__, "write it without branches on tensors") from error


def _own_modules(network: Network) -> None:
    """A second call of a module gets a copy of it; weights cannot be shared."""
    seen: set[str] = set()
    for node in network.module.graph.nodes:
        if node.op != "call_module":
            continue
        if node.target in seen:
            if network.is_a(node, WEIGHTED + NORMS):
                raise refuse("the layer is called twice", str(node.target), "give each call its own layer")
            name = f"{str(node.target).replace('.', '_')}_{node.name}"
            network.module.add_submodule(name, network.layer(node))
            node.target = name
        seen.add(str(node.target))


def _shapes(network: Network, example: Tensor | None) -> dict[fx.Node, tuple[int, ...]]:
    if example is None:
        return {}
    runner = _Shapes(network.module)
    with torch.no_grad():
        runner.run(example)
    return runner.shapes


def _region(network: Network, node: fx.Node) -> Region | None:
    """The region of a node's value, joined where the node joins; None for what is no value."""
    operands = network.operands(node)
    if node.op == "placeholder" or network.is_a(node, WEIGHTED):
        return Region()
    if node.op == "output" or not operands or node.target in _SHAPES or node.target is getattr:
        return None
    _check(network, node, operands)
    return _joined([network.regions[n] for n in operands])


def _check(network: Network, node: fx.Node, operands: list[fx.Node]) -> None:
    if network.is_a(node, NORMS):
        if not (network.is_a(operands[0], WEIGHTED) and len(operands[0].users) == 1):
            raise refuse("a BatchNorm must follow a layer with weights directly", node.name, HINT)
        network.norms[operands[0]] = node
    elif node.op == "call_module" and not network.is_a(node, QUANTISERS + AVERAGES + PASSING):
        raise refuse(f"{type(network.layer(node)).__name__} is not supported", str(node.target), HINT)
    elif node.op == "call_function" and node.target not in (*_ADD, *_PASSING_CALLS, torch.cat):
        raise refuse(f"{getattr(node.target, '__name__', node.target)} is not supported", node.name, HINT)
    elif node.op == "call_method" and node.target not in _PASSING_METHODS:
        raise refuse(f"{node.target} is not supported", node.name, HINT)


def _joined(regions: list[Region]) -> Region:
    first = regions[0].root()
    for other in regions[1:]:
        if other.root() is not first:
            other.root().parent = first
    return first


def _divisor(pool: nn.Module, node: fx.Node, shapes: dict[fx.Node, tuple[int, ...]]) -> int:
    (source,) = node.all_input_nodes
    if source not in shapes or node not in shapes:
        raise refuse("the window of an average pool is not known", str(node.target), "give rescale_aware an example")
    return _window(pool, str(node.target), shapes[source][2:], shapes[node][2:])


def _window(module: nn.Module, where: str, before: tuple[int, ...], after: tuple[int, ...]) -> int:
    if isinstance(module, nn.AvgPool1d | nn.AvgPool2d):
        kernel = module.kernel_size
        return math.prod(kernel) if isinstance(kernel, tuple) else kernel ** len(before)
    if any(b % a for b, a in zip(before, after, strict=True)):
        raise refuse("the windows of an average pool differ in size", where, "choose sizes that divide")
    return math.prod(before) // math.prod(after)
