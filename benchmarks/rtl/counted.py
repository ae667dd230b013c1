"""Lays today's cost formulas beside what Yosys counted: the data file that the error bars are read from.

    python benchmarks/rtl/points.py ; python benchmarks/rtl/nets.py     # what is counted
    python benchmarks/rtl/counted.py --write                            # hardware/counted.toml, docs/cost.svg
    python benchmarks/rtl/counted.py --show dense                       # every point of one template

Counting takes Yosys and hours; this takes seconds, and is to be run again whenever a formula changes: every point is
asked for its estimate as the planner asks for it, and every network is compiled by the plan that was counted.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nets
import points
from points import Point

from isobit.backends.dataflow.catalogue import cost, cost_of, numbers
from isobit.backends.dataflow.catalogue.constants import multiplied, on_block
from isobit.backends.dataflow.catalogue.matrix import full_matrix
from isobit.backends.dataflow.catalogue.windows import block_lanes, word_lanes
from isobit.backends.dataflow.design import Process
from isobit.backends.dataflow.latencies import window_ahead
from isobit.hardware import Cost, Prices, counted
from isobit.numerics import Rounding, RoundShift
from isobit.numerics.bipolar import Bipolar
from isobit.numerics.packing import Packing
from isobit.passes.bodies import looks_below

TARGET = nets.ROOT / "compiler" / "isobit" / "hardware" / "counted.toml"
PICTURE = nets.ROOT / "docs" / "cost.svg"
Numbers = Mapping[str, int]


def estimate(point: Point) -> Cost:
    """What the formulas say of a point; nothing of a template without a formula."""
    if point.template == "fifo":
        return cost.fifo(int(point.constants["DEPTH"]), int(point.constants["WIDTH"]), point.board)
    if point.template not in FORMULAS:
        return Cost()
    process = point.process()
    kinds = {name: kind.bits for name, kind in process.types}
    return FORMULAS[point.template](point, process, numbers(process), kinds)


def _matrix(point: Point, process: Process, c: Numbers, kinds: Numbers) -> Cost:
    t, board = point.template, point.board
    sizes = kinds["in_t"], kinds["weight_t"], kinds["acc_t"], board.dsp
    if t == "streamed_dense":
        rows = c["OUT"] // c["PE"] * (c["IN"] // c["SIMD"])
        return cost.streamed_dense(c["PE"], c["SIMD"], rows, *sizes, c["VECTORS"])
    memory: Any = process.arrays[0].storage
    if t == "depthwise":
        return cost.dense(c["PE"], 1, c["TAPS"] * c["CHANNELS"] // c["PE"], *sizes, memory)
    if t == "parallel_depthwise":
        made = _made(point, full_matrix(process.arrays[0].values.T[..., None], c["CHANNELS"]), c)
        return cost.dense(c["CHANNELS"], c["KH"] * c["KW"], 1, *sizes, memory, c["SAMPLES"], made=made)
    code = Bipolar() if "BIPOLAR" in c else None
    packing = Packing(c["PACKED"], c["CHAIN"]) if "PACKED" in c else None
    fan_in = c["IN"] if t == "dense" else c["KH"] * c["KW"] * c["CHANNELS"]
    words, passes, samples = fan_in // c["SIMD"], c["OUT"] // c["PE"], c.get("SAMPLES", 1)
    made = None
    if passes * words == 1 and not code:
        made = _made(point, process.arrays[0].values.reshape(c["PE"], c["SIMD"]), c, packing)
    body = cost.dense(c["PE"], c["SIMD"], passes * words, *sizes, memory, samples, code, packing, made)
    return body + cost.input_vector(words, c["SIMD"] * kinds["in_t"], samples, passes)


def _made(point: Point, matrix: Any, c: Numbers, packing: Packing | None = None) -> int:
    """The multipliers of constant weights; a whole block's where neighbouring windows multiply the same pixels."""
    if point.template.startswith("parallel") and not packing:
        return multiplied(on_block(matrix, c))
    return multiplied(matrix, c.get("SAMPLES", 1), packing)


def _window(point: Point, process: Process, c: Numbers, kinds: Numbers) -> Cost:
    memory: Any = process.memory or "auto"
    rows = (c["KH"] - 1) * c["DH"]
    if point.template == "sliding_window":
        span = rows * c["W"] + (c["KW"] - 1) * c["DW"] + 1 + window_ahead(c)
        depth, width = span * c["CHANNELS"] // c["LANES"], c["LANES"] * kinds["elem_t"]
    else:
        depth, width = -(-c["W"] // (c["SAMPLES"] * c["SW"])), rows * word_lanes(c) * kinds["in_t"]
    out = (block_lanes(c) * kinds["in_t"],) if point.template == "parallel_window" else ()
    return cost_of(point.template, depth, width, *out, point.board, memory)


def _step(point: Point, process: Process, c: Numbers, kinds: Numbers) -> Cost:
    prices, t = Prices.of(point.board), point.template
    if t == "thresholds":
        return prices.thresholds(c["PE"], c["CHANNELS"], kinds["in_t"], c["LEVELS"])
    if t == "lookup":
        return prices.lookup(c["PE"], c["CHANNELS"], c["SIZE"], kinds["out_t"])
    sizes = c["PE"], c["CHANNELS"], kinds["in_t"], kinds["multiplier_t"], kinds["offset_t"]
    m, clamp = [int(m) for m in process.arrays[0].values.reshape(-1)], (c["LO"], c["HI"])
    if t == "round_shift":
        rounding = Rounding[str(point.constants["ROUNDING"]).removeprefix("isobit::")]
        below = looks_below(RoundShift((), (), c["K"], rounding, *clamp))
        return prices.round_shift(*sizes, clamp, below, m)
    if t == "half_even":
        return prices.half_even(*sizes, kinds["gap_t"], clamp, m)
    shifts = range(32) if "shift_t" in kinds else ()
    return prices.multiply_shift(*sizes, shifts, clamp=clamp, multiplicands=m)


def _joined(point: Point, process: Process, c: Numbers, kinds: Numbers) -> Cost:
    if point.template == "add":
        pairs = zip(("a_t", "b_t"), process.arrays, strict=True)
        operands = [(kinds[k], [int(v) for v in array.values.reshape(-1)]) for k, array in pairs]
        return Prices.of(point.board).joined(c["PE"], operands, kinds["out_t"])
    sizes = c["PE"], kinds["a_t"], kinds["b_t"]
    if point.template == "product":
        return cost.multiplied(*sizes, point.dsp)
    width = min(c["PE"], c["CHANNELS"])
    return cost.multiplied_by_channel(*sizes, c["CHANNELS"] // width, width * kinds["b_t"], point.dsp)


def _pooled(point: Point, process: Process, c: Numbers, kinds: Numbers) -> Cost:
    compared = c.get("PE") or c["SAMPLES"] * c["CHANNELS"] * (c["KH"] * c["KW"] - 1)
    return cost_of(point.template, compared, kinds["elem_t"])


def _moved(point: Point, process: Process, c: Numbers, kinds: Numbers) -> Cost:
    t = point.template
    bits = next(iter(kinds.values()))
    lanes = c.get("LANES") or c.get("PE") or c["SAMPLES"] * c.get("CHANNELS", c.get("A", 0) + c.get("B", 0))
    out = kinds.get("out_t") or kinds.get("index_t" if t in ("argmax", "top_k") else "") or bits
    if t in ("upsample", "reorder"):
        depth = (c["IN_WORDS"], c["OUT_WORDS"]) if t == "reorder" else (c["W"] * c["CHANNELS"] // lanes,)
        return cost_of(t, lanes, bits, bits, *depth)
    return cost_of(t, lanes, bits, out * c.get("K", 1))


def _converted(point: Point, process: Process, c: Numbers, kinds: Numbers) -> Cost:
    return cost.width_converter(c, kinds["elem_t"])


FORMULAS: dict[str, Callable[[Point, Process, Numbers, Numbers], Cost]] = {
    **dict.fromkeys(("dense", "parallel_dense", "streamed_dense", "depthwise", "parallel_depthwise"), _matrix),
    **dict.fromkeys(("sliding_window", "parallel_window"), _window),
    **dict.fromkeys(("multiply_shift", "round_shift", "half_even", "thresholds", "lookup"), _step),
    **dict.fromkeys(("max_pool", "parallel_max_pool"), _pooled),
    **dict.fromkeys(("add", "product", "channel_product"), _joined),
    **dict.fromkeys(
        ("argmax", "top_k", "concat", "parallel_concat", "pad", "slice", "upsample",
         "reorder"), _moved,
    ),
    "width_converter": _converted,
}  # fmt: skip
"""By template the formula's arguments from a process, as the planner has them from a node; a fork has none."""


# ---------------------------------------------------------------- the data file


def pairs(said: Cost, found: Mapping[str, int]) -> dict[str, tuple[float, float]]:
    """By resource what was estimated and what was counted."""
    estimated = {"LUT": said.lut, "FF": said.ff, "DSP": said.dsp, "BRAM36": said.bram36}
    counts = {"LUT": found["lut"], "FF": found["ff"], "DSP": found["dsp"], "BRAM36": found["bram18"] / 2}
    return {name: (estimated[name], counts[name]) for name in counted.RESOURCES}


def units() -> Iterator[tuple[Point, dict[str, tuple[float, float]]]]:
    """All points that Yosys counted, in the order of the draws."""
    found = points.known()
    for point in points.points():
        row = found.get(point.key)
        if row and row["counts"]:
            yield point, pairs(estimate(point), row["counts"])


def networks(packed: bool) -> Iterator[tuple[str, dict[str, tuple[float, float]]]]:
    """Networks that Yosys counted, with the estimate of that plan; those of packed products by themselves."""
    for row in nets.known():
        net = nets.Net(**row["net"])
        if (net.name in nets.PACKED) != packed:
            continue
        with tempfile.TemporaryDirectory() as folder:
            said = net.build(Path(folder), row["plan"]).manifest.estimate
        yield net.title, pairs(said.cost, row["counts"])


def as_toml() -> str:
    """The data file of the error bars."""
    rows = [*points.known().values(), *nets.known()]
    versions = sorted({row["yosys"] for row in rows})
    missing = sum(1 for _ in points.points()) - sum(1 for _ in units())
    lines = [
        "# What the formulas estimate and what Yosys' synth_xilinx counts of the same RTL, part by part, not placed.",
        "# Written by benchmarks/rtl/counted.py. Estimated and counted LUT, FF, DSP, BRAM36.",
        f"yosys = {json.dumps(versions)}", f"missing = {missing}  # points that are drawn and were not counted",
        "networks = [", *(_line([name], figures) for name, figures in networks(packed=False)), "]",
        "packed = [", *(_line([name], figures) for name, figures in networks(packed=True)), "]",
        "units = [", *_side_by_side([_line([p.template, p.dsp], figures) for p, figures in units()]), "]",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _side_by_side(rows: list[str], number: int = 3) -> Iterator[str]:
    for first in range(0, len(rows), number):
        yield " ".join([rows[first], *(row.strip() for row in rows[first + 1 : first + number])])


def _line(names: list[str], figures: dict[str, tuple[float, float]]) -> str:
    said = (f"[{e}, {int(c) if c == int(c) else c}]" for e, c in (figures[n] for n in counted.RESOURCES))
    return f"  [{', '.join(map(json.dumps, names))}, {', '.join(said)}],"


def draw(path: Path) -> None:
    """Counted LUTs against estimated ones, of units and of networks."""
    plt.rcParams["svg.hashsalt"] = "isobit"
    plt.figure(figsize=(5, 5))
    for rows, label, mark in ((counted.units(), "units", "."), (counted.networks(), "networks", "D")):
        both = [row.figures["LUT"] for row in rows if min(row.figures["LUT"]) > 0]
        plt.loglog([e for e, _ in both], [c for _, c in both], mark, label=label)
    ends = [10, 30_000]
    plt.loglog(ends, ends, color="black", linewidth=0.5, label="equal")
    plt.xlabel("LUTs by the formulas")
    plt.ylabel("LUTs by Yosys")
    plt.legend()
    plt.tight_layout()
    plt.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="replace the data file and the picture")
    parser.add_argument("--show", metavar="TEMPLATE", help="every point of one")
    options = parser.parse_args()
    if options.show:
        for point, figures in units():
            if point.template == options.show:
                print(figures, point.key)
    elif options.write:
        TARGET.write_text(as_toml(), encoding="utf-8", newline="\n")
        counted.data.cache_clear()
        draw(PICTURE)
    else:
        print(as_toml(), end="")


if __name__ == "__main__":
    main()
