"""The same QONNX files through plain hls4ml and through isobit's hls4ml back end: who computes the network's integers.

    python benchmarks/hls4ml_exactness.py [--models FOLDER] [--only WORD] [--tools TOOL...] [--minutes N]
        [--results FILE] [--docs]

Plain hls4ml is its own QONNX converter at its default precision (16 bits) and at 48 bits, in the io type that isobit
takes for the network. An output is exact if, rounded to the step of the network's output, it is the integer of the
interpreter; rounding forgives what a free scale can never hit. *Ready* is the CPU time from the file to a compiled
simulation, in a process of its own; inferences a second are those of ``predict()`` and of the back end's simulation, by
CPU time. A tool has ``--minutes`` for each network. ``--models`` adds files (``NAME/model.onnx`` with recorded inputs);
``--results`` keeps what was measured, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, cpu_of, cpu_seconds, publish, table

sys.path.insert(0, str(ROOT / "tests"))
TOOLS = {"plain 16": "fixed<16,6>", "plain 48": "fixed<48,24>", "isobit": ""}
SAMPLES, TIMEOUT, LONGER = 32, 1500, "not in "
PAGE = ROOT / "docs" / "hls4ml.md"
Floats = np.ndarray[Any, np.dtype[np.float32]]


def subjects(models: Path | None, folder: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Path, Floats]]:
    """Name, file and inputs of every network whose name is wanted."""
    from exactness_cases import file_subjects
    from hls4ml_zoo import zoo

    from isobit.frontend.brevitas import export_module

    for name, net, shape in (case for case in zoo() if wanted(case[0])):
        file = folder / f"{name}.onnx"
        export_module(net.build(), shape, file, "torchscript")
        yield name, file, net.inputs(SAMPLES, seed=7)
    for subject in file_subjects(models) if models else ():
        source = subject.source()
        if wanted(subject.name) and source.suffix == ".onnx" and subject.samples is not None:
            yield subject.name, source, subject.samples[:SAMPLES].astype(np.float32)


def measure(file: str, tool: str, x: Floats) -> dict[str, Any]:
    """Share of exact outputs and of equal predictions, seconds until ready, inferences a second."""
    import isobit
    from isobit.backends.hls4ml.backend import HLS4ML
    from isobit.check.csim.run import given_integers
    from isobit.interp import Evaluator

    with tempfile.TemporaryDirectory() as place:
        started = cpu_seconds()
        build = isobit.compile(file, Path(place) / "build", backend="hls4ml")
        integers = given_integers(build.graph, x)
        wanted = Evaluator(build.graph).run(integers)
        (output,) = build.graph.outputs
        levels = wanted[output.name].reshape(len(x), -1)
        if tool == "isobit":
            scratch = Path(place)
            simulator = HLS4ML.simulator(build.path, build.graph, build.design, "faithful", scratch, None)  # type: ignore[arg-type]
            simulator.run({name: values[:1] for name, values in integers.items()}, TIMEOUT)
            ready = cpu_seconds() - started
            done, seconds = cpu_of(lambda: simulator.run(integers, TIMEOUT))
            got = done.outputs[output.name].reshape(len(x), -1)
        else:
            y, ready, seconds = plain(file, Path(place), build.design.io_type, TOOLS[tool], x)  # type: ignore[attr-defined]
            scale, offset = ([float(v) for v in values] for values in (output.scale, output.offset))
            count, *spatial, channels = wanted[output.name].shape  # hls4ml keeps the source's order: channels first
            y = np.moveaxis(y.reshape(count, channels, *spatial), 1, -1)
            got = np.rint((y.astype(np.float64) - offset) / scale).reshape(len(x), -1)
    return {
        "exact": float((got == levels).mean()), "argmax": float((got.argmax(1) == levels.argmax(1)).mean()),
        "ready": ready, "rate": len(x) / max(seconds, 1e-3),
    }  # fmt: skip


def plain(file: str, folder: Path, io_type: str, precision: str, x: Floats) -> tuple[Floats, float, float]:
    """Outputs of hls4ml's own conversion, CPU seconds until it is compiled, and of the prediction."""
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    started = cpu_seconds()
    model = cleanup_model(ModelWrapper(file).transform(GemmToMatMul()))
    if x.ndim > 2:
        model = cleanup_model(model.transform(ConvertToChannelsLastAndClean()))
    config = hls4ml.utils.config_from_onnx_model(
        model, granularity="name", backend="Vitis", default_precision=precision
    )
    converted = hls4ml.converters.convert_from_onnx_model(
        model, output_dir=str(folder / "plain"), backend="Vitis", io_type=io_type, hls_config=config
    )
    converted.compile()
    ready = cpu_seconds() - started
    y, seconds = cpu_of(lambda: converted.predict(np.ascontiguousarray(x)))  # its first layer transposes a map
    return np.asarray(y, dtype=np.float32), ready, seconds


def measured(name: str, file: Path, x: Floats, tool: str, folder: Path, minutes: float) -> dict[str, Any]:
    """:func:`measure` in a process of its own; what it stopped with where it failed or took too long."""
    from isobit.subprocesses import run

    inputs = folder / f"{name}.npy"
    np.save(inputs, x)
    command = [sys.executable, __file__, "--measure", str(file), tool, str(inputs)]
    try:
        done = run(command, 60 * minutes)  # which ends the compilers below it too
    except subprocess.TimeoutExpired:
        return {"failed": f"{LONGER}{minutes:g} min"}
    if done.returncode == 0:
        result: dict[str, Any] = json.loads(done.stdout.decode().strip().splitlines()[-1])
        return result
    lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    return {"failed": lines[-1][:160] if lines else "crashed"}


def cells(result: dict[str, Any] | None) -> list[str]:
    """A tool's part of a line: exact outputs, predictions, seconds, rate; or what it failed with."""
    if result is None:
        return ["not run", "", "", ""]
    if "failed" in result:
        return [result["failed"] if result["failed"].startswith(LONGER) else "no", "", "", ""]
    exact = "all" if result["exact"] == 1 else f"{100 * result['exact']:.1f} %"
    return [exact, f"{100 * result['argmax']:.0f} %", f"{result['ready']:.0f}", f"{result['rate']:,.0f}"]


def counted(results: dict[str, dict[str, Any]], tool: str) -> str:
    """Of how many networks a tool was run, how many it converted, of how many it is exact."""
    ran = [by[tool] for by in results.values() if tool in by]
    made = sum("failed" not in result for result in ran)
    return f"{tool}: {len(ran)} run, {made} converted, {sum(result.get('exact') == 1 for result in ran)} exact"


def report(results: dict[str, dict[str, Any]]) -> str:
    """The table, its sums, and why files were not converted."""
    columns = [
        f"{tool}: {what}" for tool in TOOLS for what in ("exact outputs", "predictions", "ready, CPU s", "per s")
    ]
    rows = [[name, *(cell for tool in TOOLS for cell in cells(by.get(tool)))] for name, by in results.items()]
    sums = "; ".join(counted(results, tool) for tool in TOOLS)
    reasons = [f"- {name}, {t}: `{by[t]['failed'].replace('`', '')}`"
               for name, by in results.items() for t in TOOLS if "failed" in by.get(t, {})]  # fmt: skip
    text = f"Of {len(results)} networks: {sums}.\n\n{table(['network', *columns], rows)}"
    return text + (
        "\n\nNot converted, with the last line that was printed:\n\n" + "\n".join(reasons) if reasons else ""
    )


def main() -> None:
    """Measures, or, as a fresh process, is measured."""
    if "--measure" in sys.argv:
        file, tool, inputs = sys.argv[sys.argv.index("--measure") + 1 :]
        with redirect_stdout(sys.stderr):
            result = measure(file, tool, np.load(inputs))
        print(json.dumps(result))
        return
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--tools", nargs="*", default=list(TOOLS))
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--docs", action="store_true")
    asked = parser.parse_args()
    kept = json.loads(asked.results.read_text()) if asked.results and asked.results.exists() else {}
    with tempfile.TemporaryDirectory(prefix="isobit-hls4ml-") as place:

        def wanted(name: str) -> bool:
            return asked.only in name and any(tool not in kept.get(name, {}) for tool in asked.tools)

        for name, file, x in subjects(asked.models, Path(place), wanted):
            by = kept.setdefault(name, {})
            for tool in (t for t in asked.tools if t not in by):
                by[tool] = measured(name, file, x, tool, Path(place), asked.minutes)
                print(name, tool, by[tool], flush=True)
                if asked.results:
                    asked.results.write_text(json.dumps(kept, indent=1))
    publish("hls4ml-exactness", report(kept), PAGE)


if __name__ == "__main__":
    main()
