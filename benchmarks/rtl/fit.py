"""Fits the LUTs of the cost formulas to half of the points; measures the error on the other half and on networks.

    python benchmarks/rtl/fit.py --write           # compiler/isobit/hardware/fitted.toml, docs/cost.svg

Every formula is asked for its terms (:mod:`isobit.hardware.fitted`), so what is fitted is what the planner computes.
Coefficients are the least non-negative ones in squares of the relative error, of 7-series and UltraScale+ together.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nets
import numpy as np
from points import DATA, Point, known
from scipy.optimize import nnls

from isobit.backends.dataflow.between import converter, window
from isobit.backends.dataflow.catalogue import cost, cost_of, numbers
from isobit.backends.dataflow.design import Process
from isobit.hardware import Cost, Prices, fitted
from isobit.numerics.bipolar import Bipolar
from isobit.numerics.packing import Packing

FITTED = nets.ROOT / "compiler" / "isobit" / "hardware" / "fitted.toml"
PICTURE = nets.ROOT / "docs" / "cost.svg"
Terms = dict[tuple[str, str], float]
Numbers = Mapping[str, int]


@dataclass(frozen=True)
class Row:
    """A point with its terms, what of it is counted and not fitted, and what was found."""

    point: Point
    terms: Terms
    fixed: Cost
    counts: dict[str, int]

    @property
    def held(self) -> bool:
        """Is it kept from the fit? Half of them are, by a hash."""
        return hashlib.sha256(self.point.key.encode()).digest()[0] % 2 == 1


class Recorder:
    """In the place of :func:`isobit.hardware.fitted.luts`: writes down what it is asked."""

    def __init__(self) -> None:
        self.terms: Terms = defaultdict(float)

    def __call__(self, kind: str, **terms: float) -> int:
        for name, amount in terms.items():
            self.terms[kind, name] += amount
        return 0


def estimate(point: Point) -> Cost:
    """What the formulas say of a point, asked as the planner asks them."""
    if point.template == "fifo":
        return cost.fifo(int(point.constants["DEPTH"]), int(point.constants["WIDTH"]), point.board)
    process = point.process()
    c, kinds = numbers(process), {name: kind.bits for name, kind in process.types}
    return FORMULAS[point.template](point, process, c, kinds)


def _matrix(point: Point, process: Process, c: Numbers, kinds: Numbers) -> Cost:
    t, board = point.template, point.board
    sizes = kinds["in_t"], kinds["weight_t"], kinds["acc_t"], board.dsp
    if t == "streamed_dense":
        rows = c["OUT"] // c["PE"] * (c["IN"] // c["SIMD"])
        return cost.streamed_dense(c["PE"], c["SIMD"], rows, *sizes, c["VECTORS"], board) + cost.input_vector(
            c["IN"] // c["SIMD"], c["SIMD"] * kinds["in_t"], 1, c["OUT"] // c["PE"], board
        )
    memory: Any = process.arrays[0].storage
    code = Bipolar() if "BIPOLAR" in c else None
    packing = Packing(c["PACKED"], c["CHAIN"]) if "PACKED" in c else None
    if t == "depthwise":
        return cost.dense(c["PE"], 1, c["TAPS"] * c["CHANNELS"] // c["PE"], *sizes, memory)
    if t == "parallel_depthwise":
        return cost.dense(c["CHANNELS"], c["KH"] * c["KW"], 1, *sizes, memory, c["SAMPLES"])
    fan_in = c["IN"] if t == "dense" else c["KH"] * c["KW"] * c["CHANNELS"]
    rows, samples = c["OUT"] // c["PE"] * (fan_in // c["SIMD"]), c.get("SAMPLES", 1)
    body = cost.dense(c["PE"], c["SIMD"], rows, *sizes, memory, samples, code, packing)
    again = cost.input_vector(fan_in // c["SIMD"], c["SIMD"] * kinds["in_t"], samples, c["OUT"] // c["PE"], board)
    return body + again


def _step(point: Point, process: Process, c: Numbers, kinds: Numbers) -> Cost:
    prices, t = Prices.of(point.board), point.template
    if t == "thresholds":
        return prices.thresholds(c["PE"], c["CHANNELS"], kinds["in_t"], c["LEVELS"])
    if t == "lookup":
        return prices.lookup(c["PE"], c["CHANNELS"], c["SIZE"], kinds["out_t"])
    sizes = c["PE"], c["CHANNELS"], kinds["in_t"], kinds["multiplier_t"], kinds["offset_t"]
    if t == "round_shift":
        return prices.round_shift(*sizes, kinds["out_t"])
    if t == "half_even":
        return prices.half_even(*sizes, kinds["gap_t"])
    return prices.multiply_shift(*sizes, range(32) if "shift_t" in kinds else ())


def _joined(point: Point, process: Process, c: Numbers, kinds: Numbers) -> Cost:
    if point.template == "add":
        pairs = zip(("a_t", "b_t"), process.arrays, strict=True)
        operands = [(kinds[k], [int(v) for v in array.values.reshape(-1)]) for k, array in pairs]
        return Prices.of(point.board).joined(c["PE"], operands, kinds["out_t"])
    a, b, width = kinds["a_t"], kinds["b_t"], min(c["PE"], c.get("CHANNELS", 1))
    if point.template == "product":
        return cost.multiplied(c["PE"], a, b, point.dsp)
    return cost.multiplied_by_channel(c["PE"], a, b, c["CHANNELS"] // width, width * b, point.board)


def _moved(point: Point, process: Process, c: Numbers, kinds: Numbers) -> Cost:
    t, board = point.template, point.board
    bits = next(iter(kinds.values()))
    lanes = c.get("LANES") or c.get("PE") or c["SAMPLES"] * c.get("KH", 1) * c.get("KW", 1) * c.get("CHANNELS", 1)
    out = kinds.get("out_t") or kinds.get("index_t" if t in ("argmax", "top_k") else "") or bits
    if t in ("upsample", "reorder"):
        depth = c["IN_WORDS"] if t == "reorder" else c["W"] * c["CHANNELS"] // lanes
        return cost_of(t, lanes, bits, bits, depth, board)
    return cost_of(t, lanes, bits, out * c.get("K", 1))


FORMULAS: dict[str, Callable[[Point, Process, Numbers, Numbers], Cost]] = {
    **dict.fromkeys(("dense", "parallel_dense", "streamed_dense", "depthwise", "parallel_depthwise"), _matrix),
    **dict.fromkeys(("sliding_window", "parallel_window"), lambda point, process, *_: window(process, point.board)),
    **dict.fromkeys(("multiply_shift", "round_shift", "half_even", "thresholds", "lookup"), _step),
    **dict.fromkeys(("add", "product", "channel_product"), _joined),
    **dict.fromkeys(
        ("argmax", "top_k", "concat", "parallel_concat", "max_pool", "parallel_max_pool", "pad", "slice", "upsample",
         "reorder"), _moved,
    ),
    **dict.fromkeys(("width_converter", "row_converter", "fork"), lambda _, process, *__: converter(process)),
}  # fmt: skip
"""By template the formula's arguments from a process, as the planner has them from a node."""


def rows() -> Iterator[Row]:
    """All points that were counted and that a formula is for."""
    usual = fitted.luts
    try:
        for found in known(DATA).values():
            made = dict(found["point"])
            made["types"] = {name: tuple(kind) for name, kind in made["types"].items()}
            point, recorder = Point(**made), Recorder()
            fitted.luts = recorder  # type: ignore[assignment]
            fixed = estimate(point)
            if recorder.terms or fixed != Cost():
                yield Row(point, dict(recorder.terms), fixed, found["counts"])
    finally:
        fitted.luts = usual


# ---------------------------------------------------------------- the fit


@dataclass(frozen=True)
class Fit:
    """Coefficients by kind and term, and of both halves the rows with their ratio of what was found to the estimate."""

    coefficients: dict[tuple[str, str], float]
    fitted: list[tuple[Row, float]]
    held: list[tuple[Row, float]]


def said(row: Row, coefficients: dict[tuple[str, str], float]) -> float:
    """The estimate of a row's LUTs."""
    return row.fixed.lut + sum(coefficients.get(term, 0.0) * amount for term, amount in row.terms.items())


def fit(points: list[Row]) -> Fit:
    """All kinds at once: a term that several formulas share has one coefficient."""
    mine = [row for row in points if not row.held and row.counts["lut"]]
    names = sorted({term for row in points for term in row.terms})
    weights = np.array([1 / (row.counts["lut"] + 20) for row in mine])  # twenty LUTs more or less are no error
    matrix = np.array([[row.terms.get(name, 0.0) for name in names] for row in mine])
    wanted = np.array([row.counts["lut"] - row.fixed.lut for row in mine])
    solution, _ = nnls(matrix * weights[:, None], wanted * weights, maxiter=10_000)
    coefficients = {name: round(float(value), 3) for name, value in zip(names, solution, strict=True)}
    ratios = [(row, row.counts["lut"] / max(said(row, coefficients), 1)) for row in points if row.counts["lut"]]
    return Fit(coefficients, [r for r in ratios if not r[0].held], [r for r in ratios if r[0].held])


def quantile(values: list[float], share: float) -> float:
    """The least value that so large a share does not exceed."""
    return sorted(values)[min(int(np.ceil(share * len(values))) - 1, len(values) - 1)]


def by_template(pairs: list[tuple[Row, float]]) -> dict[str, list[tuple[Row, float]]]:
    """In the order of the alphabet."""
    found: dict[str, list[tuple[Row, float]]] = defaultdict(list)
    for row, ratio in pairs:
        found[row.point.template].append((row, ratio))
    return dict(sorted(found.items()))


def spread(made: Fit) -> dict[str, dict[str, float]]:
    """By template what the held half says: points, middle and 90 % error of LUTs, wrong DSPs and block RAMs."""
    found = {}
    for template, held in by_template(made.held).items():
        errors = [abs(ratio - 1) for _, ratio in held]
        found[template] = {
            "points": len(held), "middle": round(quantile(errors, 0.5), 3), "most": round(quantile(errors, 0.9), 3),
            "dsp_wrong": sum(row.fixed.dsp != row.counts["dsp"] for row, _ in held),
            "bram_wrong": sum(2 * row.fixed.bram36 != row.counts["bram18"] for row, _ in held),
        }  # fmt: skip
    return found


# ---------------------------------------------------------------- networks


RESOURCES = (("LUT", "lut", 1), ("FF", "ff", 1), ("DSP", "dsp", 1), ("BRAM36", "bram18", 2), ("URAM", "uram", 1))
"""As the product calls it, as it is counted, and how many of the counted make one."""


def on_nets() -> list[tuple[str, dict[str, tuple[int, float]]]]:
    """Network by network the estimate that the product prints, and what was counted, by resource."""
    found = []
    for row in nets.known():
        net = nets.Net(**row["net"])
        with tempfile.TemporaryDirectory() as folder:
            estimate = net.build(Path(folder), row["plan"]).manifest.estimate.model_dump()
        figures = {
            name: (int(estimate["bram36" if counted == "bram18" else counted]), row["counts"][counted] / share)
            for name, counted, share in RESOURCES
        }
        found.append((f"{net.name}, {net.board}, {net.share:.0%}", figures))
    return found


def bars(found: list[tuple[str, dict[str, tuple[int, float]]]]) -> dict[str, float]:
    """By resource the largest share by which a network differs from its estimate; none of it counts as equal."""
    errors = {name: [_error(*figures[name]) for _, figures in found] for name, *_ in RESOURCES}
    return {name: round(max(values, default=0.0), 3) for name, values in errors.items()}


def _error(estimate: int, counted: float) -> float:
    return abs(counted / estimate - 1) if estimate else float(counted > 0)


def as_toml(made: Fit, measured: dict[str, float], networks: list[tuple[str, dict[str, tuple[int, float]]]]) -> str:
    """The data file of the cost model."""
    lines = [
        "# LUTs by terms, fitted to Yosys' synth_xilinx of the RTL. Written by benchmarks/rtl/fit.py.", "",
        "[bars]  # networks that no coefficient saw differ from their estimate by at most this share",
        *(f"{name} = {value}" for name, value in measured.items()), "", "[coefficients]",
    ]  # fmt: skip
    kinds: dict[str, list[str]] = defaultdict(list)
    # Of what no point has (additions, which need a graph) the coefficients stay.
    kept = {(kind, term): value for kind, terms in fitted.coefficients().items() for term, value in terms.items()}
    for (kind, term), value in sorted((kept | made.coefficients).items()):
        kinds[kind].append(f"{term} = {value}")
    lines += [f"{kind} = {{ {', '.join(terms)} }}" for kind, terms in kinds.items()]
    lines += ["", "[spread]  # points that no coefficient saw: how many, middle and 90 % error of LUTs"]
    for template, figures in spread(made).items():
        lines.append(f"{template} = {{ {', '.join(f'{k} = {v}' for k, v in figures.items())} }}")
    lines += ["", "[networks]  # estimate and counted, by resource"]
    for name, figures in networks:
        said_ = ", ".join(f"{k} = [{e}, {c:g}]" for k, (e, c) in figures.items())
        lines.append(f'"{name}" = {{ {said_} }}')
    return "\n".join(lines) + "\n"


def draw(made: Fit, path: Path) -> None:
    """Counted LUTs against the estimate, both halves."""
    plt.figure(figsize=(5, 5))
    for pairs, label, mark in ((made.fitted, "fitted", "."), (made.held, "not seen by the fit", "x")):
        estimates = [max(said(row, made.coefficients), 1) for row, _ in pairs]
        plt.loglog(estimates, [row.counts["lut"] for row, _ in pairs], mark, label=label)
    ends = [10, 10_000]
    plt.loglog(ends, ends, color="black", linewidth=0.5)
    plt.fill_between(ends, [0.9 * v for v in ends], [1.1 * v for v in ends], alpha=0.2, label="10 %")
    plt.xlabel("LUTs by the formulas")
    plt.ylabel("LUTs by Yosys")
    plt.legend()
    plt.savefig(path, metadata={"Date": None})


def show(made: Fit, template: str) -> None:
    """Every point of a template, and the coefficients."""
    for row, ratio in sorted([*made.held, *made.fitted], key=lambda r: r[1]):
        if row.point.template == template:
            c, p = row.counts, row.point
            print(f"{ratio:5.2f} {c['lut']:5} {said(row, made.coefficients):7.1f}", end=" ")
            print(f"DSP {c['dsp']}/{row.fixed.dsp} BRAM18 {c['bram18']}/{2 * row.fixed.bram36}", end=" ")
            print("held" if row.held else "fit ", p.dsp, end=" ")
            print(dict(p.constants), {k: v[0] for k, v in p.types.items()}, p.storage, p.memory)
    print(made.coefficients)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="replace the data file and the picture")
    parser.add_argument("--show", metavar="TEMPLATE", help="every point of one")
    options = parser.parse_args()
    made = fit(list(rows()))
    for template, figures in spread(made).items():
        print(f"{template:18}", figures)
    if options.show:
        show(made, options.show)
    if options.write:
        FITTED.write_text(as_toml(made, {name: 0.0 for name, *_ in RESOURCES}, []), encoding="utf-8", newline="\n")
        fitted._data.cache_clear()
        networks = on_nets()  # by the coefficients that were written
        FITTED.write_text(as_toml(made, bars(networks), networks), encoding="utf-8", newline="\n")
        draw(made, PICTURE)


if __name__ == "__main__":
    main()
