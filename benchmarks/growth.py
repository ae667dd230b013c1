"""How compile time and memory grow with depth, width and image size, on chains of residual blocks.

    python benchmarks/growth.py [--docs]

A network is a 3x3 convolution and so many residual blocks (two 3x3 convolutions, a join of two unrelated scales), 4-bit
weights and activations, free scales, one per weight tensor, seeded and untrained. It is compiled from its QONNX file to
the whole Vitis HLS project at a fixed rate, in a process of its own. CPU time is the least of three runs, without
imports; memory is the process's peak, less what it held after the imports. The last but one column is what one more
unit of a series costs from the row above on; a unit is what its first row has (blocks, weights, pixels). Where that
does not grow down a series, the growth is linear.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import fastest, in_fresh_process, publish, table
from networks import Layers

BLOCKS, CHANNELS, SIZE = 4, 16, 16
SERIES = (
    ("depth", [(blocks, CHANNELS, SIZE) for blocks in (2, 4, 8, 16, 64)]),
    ("width", [(BLOCKS, CHANNELS * factor, SIZE) for factor in (1, 2, 3, 4)]),
    ("image", [(BLOCKS, CHANNELS, size) for size in (8, 16, 32, 64, 128)]),
)
CLOCKS_PER_PIXEL = 64
BOARD = "alveo-u250"


def write_model(folder: Path, blocks: int, channels: int, size: int) -> Path:
    """The network as a QONNX file, written node by node: the export would take longer than the compilation."""
    net = Layers((3, size, size), bits=4)
    net.conv(channels, pad=1)
    net.activation()
    for _ in range(blocks):
        around = net.head
        net.conv(channels, pad=1)
        net.activation()
        net.conv(channels, pad=1)
        net.join(around)
        net.activation()
    return net.save(folder)


def measure(model: str, interval: int) -> dict[str, Any]:
    """CPU seconds and MiB of one compilation, and the network's size."""
    import isobit
    from isobit.backends.dataflow.planner import PlanRequest
    from isobit.interp.work import multiply_accumulates
    from isobit.ir.ops import Const

    request, before = PlanRequest(share=1.0, interval=interval), _peak_mib()
    with tempfile.TemporaryDirectory() as scratch:
        build, seconds = fastest(lambda: isobit.compile(model, scratch, board=BOARD, plan_request=request))
        mib, graph = _peak_mib() - before, build.graph
    weights = sum(n.value.size for n in graph.nodes if isinstance(n, Const))
    return {"s": seconds, "mib": mib, "weights": weights, "macs": multiply_accumulates(graph)}


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rows(series: str, cases: list[tuple[int, int, int]]) -> list[list[str]]:
    """The lines of one series: every network, and what it costs more than the one above."""
    lines, before = [], (0.0, 0.0)
    for case in cases:
        blocks, channels, size = case
        with tempfile.TemporaryDirectory() as scratch:
            model = write_model(Path(scratch), *case)
            found = in_fresh_process(__file__, "--measure", str(model), str(CLOCKS_PER_PIXEL * size * size))
        times = amount(series, case) / amount(series, cases[0])
        more = f"{(found['s'] - before[1]) / (times - before[0]):.3f}" if lines else ""
        before = (times, found["s"])
        name = f"{series}: {blocks} blocks, {channels} channels, {size}x{size}"
        print(f"{name}: {found}", flush=True)
        numbers = (f"{found['weights']:,}", f"{found['macs'] / 1e6:.1f}", f"{times:.0f}")
        lines.append([name, *numbers, f"{found['s']:.2f}", more, f"{found['mib']:.0f}"])
    return lines


def amount(series: str, case: tuple[int, int, int]) -> int:
    """What the series multiplies: blocks, weights of a layer, or pixels."""
    blocks, channels, size = case
    return {"depth": blocks, "width": channels**2, "image": size**2}[series]


def main() -> None:
    """Measures, or, as a fresh process, is measured."""
    if "--measure" in sys.argv:
        model, interval = sys.argv[-2:]
        print(json.dumps(measure(model, int(interval))))
        return
    lines = [line for series, cases in SERIES for line in rows(series, cases)]
    header = (
        "network", "weights", "million MAC", "times the first", "compile, CPU s", "CPU s for one more", "memory, MiB"
    )  # fmt: skip
    publish("growth", table(header, lines))


if __name__ == "__main__":
    main()
