"""C simulation against hls4ml on a 16-64-32-32-5 network: CPU time until it is ready, and its throughput.

    python benchmarks/csim_vs_hls4ml.py [--docs]

*Ready* is from the QONNX file to a compiled simulation: for isobit the whole project and both builds (faithful and
native), for hls4ml conversion and ``compile()``. *Throughput* is floats in, floats out: for isobit quantising, one run
of the simulation as csim does it, and scaling; for hls4ml ``predict()``. Every figure is CPU time, user and system,
of a process of its own and its children, compilers included, the least of a few repeats. Imports count for neither;
their time is printed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import SIZES, benchmark_models, cpu_seconds, fastest, in_fresh_process, publish, table

SAMPLES = 10_000
HLS4ML = (
    ("io_parallel", "fixed<16,6>"),
    ("io_parallel", "fixed<32,16>"),
    ("io_stream", "fixed<32,16>"),
    ("io_parallel", "fixed<64,32>"),
)
"""hls4ml's modes and default precisions. Its own default, fixed<16,6>, is too narrow for the integers of 8 bits."""


Samples = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def samples() -> Samples:
    """Float32 inputs ``(SAMPLES, 16)``."""
    return np.random.default_rng(0).uniform(-1, 1, (SAMPLES, SIZES[0])).astype(np.float32)


def measure_isobit(file: str, folder: Path, x: Samples) -> dict[str, Any]:
    """Seconds to import, seconds until ready, microseconds a sample of either build, outputs of the native one."""
    import isobit
    from isobit.backends.dataflow.csim import CppSimulator
    from isobit.backends.toolchain import Flavour
    from isobit.interp import dequantise, quantise

    imported = cpu_seconds()
    flavours: tuple[Flavour, ...] = ("faithful", "native")

    def prepare() -> Any:
        build = isobit.compile(file, folder / "build")
        running = [
            CppSimulator(build.path, build.graph, build.ports, flavour, folder, None) for flavour in flavours
        ]  # fmt: skip
        for simulator in running:
            simulator.ready()
        return build, running

    (build, simulators), ready = fastest(prepare, 2)
    (node,), (output,) = build.graph.inputs, build.graph.outputs
    result: dict[str, Any] = {"import": imported, "ready": ready}

    def run(simulator: Any) -> Any:
        done = simulator.run({node.name: quantise(node, x)}, 600)
        return dequantise(output, done.outputs[output.name])

    for simulator in simulators:
        y, seconds = fastest(partial(run, simulator))
        result[simulator.flavour] = 1e6 * seconds / len(x)
    return result | {"step": float(output.scale[0]), "y": y.tolist()}


def measure_hls4ml(file: str, folder: Path, io_type: str, precision: str, x: Samples) -> dict[str, Any]:
    """Seconds to import, seconds until ready, microseconds a sample, outputs; images are channels first."""
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    imported = cpu_seconds()

    def prepare() -> Any:
        model = cleanup_model(ModelWrapper(file).transform(GemmToMatMul()))
        if x.ndim > 2:
            model = cleanup_model(model.transform(ConvertToChannelsLastAndClean()))
        config = hls4ml.utils.config_from_onnx_model(
            model, granularity="name", backend="Vitis", default_precision=precision
        )
        converted = hls4ml.converters.convert_from_onnx_model(
            model, output_dir=str(folder / "hls4ml"), backend="Vitis", io_type=io_type, hls_config=config
        )
        converted.compile()
        return converted

    converted, ready = fastest(prepare, 2)
    y, seconds = fastest(lambda: converted.predict(x))
    return {"import": imported, "ready": ready, "us": 1e6 * seconds / len(x), "y": y.tolist()}


def rows(name: str, file: Path) -> list[list[str]]:
    """One network's lines of the table: isobit against each of hls4ml's modes."""
    ours = in_fresh_process(__file__, "--measure", str(file), "isobit")
    builds = ", ".join(f"{build} {ours[build]:.2f} us" for build in ("native", "faithful"))
    print(f"{name} isobit: {figures(ours)}, {builds} a sample")
    lines = []
    for mode in HLS4ML:
        theirs = in_fresh_process(__file__, "--measure", str(file), *mode)
        print(f"{name} hls4ml {' '.join(mode)}: {figures(theirs)}, {theirs['us']:.2f} us a sample")
        lines.append([f"{name}, {mode[0]}, {mode[1]}", *ratios(ours, theirs)])
    return lines


def ratios(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """A line's numbers, as the header names them."""
    levels = [np.rint(np.array(r["y"]).reshape(-1) / ours["step"]) for r in (ours, theirs)]
    speeds = [f"{theirs['us'] / ours[build]:.1f}" for build in ("native", "faithful")]
    differ = int(np.count_nonzero(levels[0] != levels[1]))
    return [f"{ours['ready'] / theirs['ready']:.2f}", *speeds, f"{differ:,} of {levels[0].size:,}"]


def figures(result: dict[str, Any]) -> str:
    """The absolute times, for the terminal."""
    return f"import {result['import']:.2f} CPU s, ready {result['ready']:.2f} CPU s"


def main() -> None:
    """Measures, or, as a fresh process, is measured."""
    if "--measure" in sys.argv:
        file, *tool = sys.argv[sys.argv.index("--measure") + 1 :]
        with tempfile.TemporaryDirectory() as scratch, redirect_stdout(sys.stderr):
            folder = Path(scratch)
            x = samples()
            result = measure_isobit(file, folder, x) if tool == ["isobit"] else measure_hls4ml(file, folder, *tool, x)
        print(json.dumps(result))
        return
    with benchmark_models() as models:
        lines = [line for name, file in models.items() for line in rows(name, file)]
    header = (
        "network, hls4ml's mode", "CPU time until ready, share of hls4ml's", "native build, times hls4ml's predict()",
        "faithful build, times hls4ml's predict()", "hls4ml's outputs that differ from isobit's",
    )  # fmt: skip
    publish("csim", table(header, lines))


if __name__ == "__main__":
    main()
