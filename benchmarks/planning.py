"""How long ``isobit plan`` takes: ResNet-18 and ResNet-50 in ImageNet's shapes, drawn weights, no file.

    python benchmarks/planning.py [resnet18] [resnet50] [--board alveo-u250] [--share 0.6] [--weight-bits 8]

Prints CPU seconds of collecting the points and of the search (the planner's own plan and the whole designs included),
the interval, what is proven, and both plans' resources. It needs the extra ``plan``.
"""

from __future__ import annotations

import argparse
import time
from fractions import Fraction

import numpy as np
from common import table

from isobit.backends.dataflow.optimal.search import Optimum, Search
from isobit.backends.dataflow.planner import PlanRequest
from isobit.hardware import load_board
from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Const, Input, Linear, MaxPool, Output, Pad, Step, frozen_ints
from isobit.numerics import Rounded, Rounding
from isobit.passes import optimise

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}


class Shapes:
    """Grows a residual network of 8-bit activations; a value's name stands for it."""

    def __init__(self, size: int, weight_bits: int) -> None:
        self.most = (1 << weight_bits - 1) - 1
        self.rng, self.nodes = np.random.default_rng(0), list[Node]()
        self.nodes.append(Input(name="image", shape=(size, size, 3), lo=np.zeros(3, np.int64), hi=np.full(3, 255)))

    def made(self, node: Node) -> str:
        """Add a node."""
        self.nodes.append(node)
        return node.name

    def conv(self, x: str, inputs: int, outputs: int, kernel: int, stride: int = 1) -> str:
        """A convolution that keeps the size, or halves it, and an 8-bit ReLU."""
        name = f"conv{len(self.nodes)}"
        if kernel > 1:
            side = (kernel // 2, kernel // 2)
            x = self.made(Pad(name=f"{name}_pad", inputs=(x,), before=side, after=side))
        weights = self.rng.integers(-self.most, self.most + 1, (outputs, kernel, kernel, inputs))
        self.made(Const(name=f"{name}_w", value=frozen_ints(weights)))
        self.made(Linear(name=name, inputs=(x, f"{name}_w"), strides=(stride, stride), dilations=(1, 1)))
        return self.step(name, Fraction(1, 3000 + 7 * outputs))

    def step(self, x: str, scale: Fraction) -> str:
        """Eight unsigned bits of a scale that is no power of two."""
        curve = Rounded(scale, Fraction(0), Rounding.ROUND, 0, 255)
        return self.made(Step(name=f"{x}_q", inputs=(x,), curves=(curve,)))

    def join(self, x: str, y: str) -> str:
        """A residual sum and its ReLU."""
        ones = (frozen_ints([1]), frozen_ints([1]))
        return self.step(self.made(Add(name=f"{x}_join", inputs=(x, y), coefficients=ones)), Fraction(1, 2))

    def graph(self, x: str) -> Graph:
        """The graph that gives ``x``."""
        self.made(Output(name="y", inputs=(x,)))
        return Graph(tuple(self.nodes))


def network(name: str, weight_bits: int = 8, size: int = 224) -> Graph:
    """ResNet-18 (basic blocks) or ResNet-50 (bottlenecks) without its classifier."""
    net, deep = Shapes(size, weight_bits), name == "resnet50"
    x, inputs = net.conv("image", 3, 64, 7, 2), 64
    side = net.made(Pad(name="pool_pad", inputs=(x,), before=(1, 1), after=(1, 1)))
    x = net.made(MaxPool(name="pool", inputs=(side,), kernel=(3, 3), strides=(2, 2), dilations=(1, 1)))
    for stage, count in enumerate(BLOCKS[name]):
        width = 64 << stage
        for block in range(count):
            stride, outputs = (2 if stage and not block else 1), width * (4 if deep else 1)
            if deep:
                y = net.conv(net.conv(net.conv(x, inputs, width, 1), width, width, 3, stride), width, outputs, 1)
            else:
                y = net.conv(net.conv(x, inputs, width, 3, stride), width, width, 3)
            around = x if inputs == outputs and stride == 1 else net.conv(x, inputs, outputs, 1, stride)
            x, inputs = net.join(y, around), outputs
    return net.graph(x)


def row(name: str, board: str, share: float, weight_bits: int) -> list[str]:
    """One network's row."""
    graph = optimise(network(name, weight_bits))
    begun = time.process_time()
    search = Search(graph, load_board(board), PlanRequest(share=share))
    collected = time.process_time()
    found: Optimum | None = search.best()
    ended = time.process_time()
    if found is None:
        return [name, f"{collected - begun:.1f}", f"{ended - collected:.1f}", "does not fit", "", "", ""]
    own = found.usual
    return [
        name, f"{collected - begun:.1f}", f"{ended - collected:.1f}", f"{found.whole.interval:,}",
        f"{found.gap:.1%}", str(found.whole.cost), str(own.cost) if own else "none",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=list(BLOCKS))
    parser.add_argument("--board", default="alveo-u250")
    parser.add_argument("--share", type=float, default=0.6)
    parser.add_argument("--weight-bits", type=int, default=8)
    options = parser.parse_args()
    rows = [row(name, options.board, options.share, options.weight_bits) for name in options.networks]
    print(table(["network", "points, CPU s", "search, CPU s", "clocks", "gap", "plan", "own plan"], rows))


if __name__ == "__main__":
    main()
