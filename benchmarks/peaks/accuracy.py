"""How well the shipped networks and the classical detectors find peaks, against noise, width and amplitude, case by
case.

    python benchmarks/peaks/accuracy.py [--docs] [--profiles 10000]

Nothing is timed. Every detector's threshold is the one at which 1 % of profiles without a peak (and without spikes)
raise a false alarm; errors are those of the profiles that it flags. A point is so many generated profiles, seeds
fixed. ``--docs`` puts the tables into docs/peaks.md; ``--plot`` then draws docs/peaks.svg and needs matplotlib.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "compiler")]

import torch  # noqa: E402
from common import publish, table  # noqa: E402

from isobit.train.peaks import (  # noqa: E402  # noqa: E402
    BASELINES,
    CASES,
    Estimate,
    Profiles,
    Score,
    Signal,
    empty,
    generate,
    judge,
    shipped,
    threshold,
)

PAGE, PLOT = ROOT / "docs" / "peaks.md", ROOT / "docs" / "peaks.svg"
MIDDLE = Signal(
    amplitude=(30.0, 30.0), read_noise=(4.0, 4.0), spurious=0.0, cases={"plain": 0.8, "no_peak": 0.2},
)  # fmt: skip
SWEEPS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "amplitude": ("amplitude", (8, 16, 30, 60, 200)),
    "noise": ("read_noise", (1, 2, 4, 8)),
    "width": ("width", (1.2, 2.2, 3.5)),
}
SEED = 1001
SHOWN = ("profile, float", "profile, 4 bits", "profile, 2 bits", "line, 2 bits", "matched filter", "centre of mass")
Detect = Callable[[Profiles], Estimate]


def detectors() -> dict[str, tuple[Detect, float]]:
    """Every detector by name, and its threshold."""
    nets = {
        f"{design}, {f'{bits} bits' if bits else 'float'}": (found, found.threshold)
        for (design, bits), found in sorted(shipped().items(), key=lambda item: (item[0][0] == "line", item[0][1]))
    }
    classical: dict[str, Detect] = {name: _classical(name) for name in BASELINES}
    nothing = empty()
    return {**nets, **{name: (detect, threshold(detect, nothing)) for name, detect in classical.items()}}


def _classical(name: str) -> Detect:
    return lambda profiles: BASELINES[name](profiles.samples)


def measured(signal: Signal, count: int, seed: int, every: Mapping[str, tuple[Detect, float]]) -> dict[str, Score]:
    """The score of every detector on ``count`` profiles."""
    profiles = generate(count, seed, signal)
    return {name: judge(detect(profiles), profiles, least) for name, (detect, least) in every.items()}


def sweep(axis: str, count: int, every: Mapping[str, tuple[Detect, float]]) -> dict[Any, dict[str, Score]]:
    """The scores along one axis; the others stay at :data:`MIDDLE`."""
    name, values = SWEEPS[axis]
    points = {v: replace(MIDDLE, **{name: (float(v), float(v))}) for v in values}
    return {v: measured(signal, count, SEED + number, every) for number, (v, signal) in enumerate(points.items())}


def cases(count: int, every: Mapping[str, tuple[Detect, float]]) -> dict[Any, dict[str, Score]]:
    """The scores on each hard case alone, with the usual mixture of everything else, and on profiles with spikes."""
    usual = Signal(spurious=0.0)
    signals = {name: replace(usual, cases={name: 1.0}) for name in CASES if name != "no_peak"}
    signals["spikes"] = replace(usual, spurious=1.0, cases={"plain": 0.5, "no_peak": 0.5})
    return {name: measured(signal, count, SEED + 50 + n, every) for n, (name, signal) in enumerate(signals.items())}


def rows(scores: Mapping[Any, Mapping[str, Score]], rates: bool) -> str:
    """A row per detector, a column per point: errors, or detection and false alarms."""
    names = next(iter(scores.values()))
    cell = _rates if rates else _errors
    return table(["", *map(str, scores)], [[name, *(cell(point[name]) for point in scores.values())] for name in names])


def _errors(score: Score) -> str:
    return "-" if isnan(score.rmse) else f"{score.rmse:.3f} / {score.mae:.3f}"


def _rates(score: Score) -> str:
    shares = (score.detected, score.false_alarms)
    return " / ".join("-" if isnan(s) else f"{100 * s:.1f}" for s in shares)


def read_back(section: str) -> tuple[list[float], dict[str, list[float]]]:
    """The points and, by detector, the first number of every cell of a table of the page."""
    text = PAGE.read_text(encoding="utf-8").split(f"<!-- {section}: begin -->")[1].split("<!-- ")[0]
    head, _, *body = ([cell.strip() for cell in line.split("|")[1:-1]] for line in text.strip().splitlines())
    numbers = {row[0]: [float(c.split(" / ")[0]) if c[0] != "-" else float("nan") for c in row[1:]] for row in body}
    return [float(point) for point in head[1:]], numbers


def plot() -> None:
    """RMSE and detection rate along every axis, from the tables of the page."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "peaks", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(SWEEPS), figsize=(11, 6), sharex="col")
    for column, axis in enumerate(SWEEPS):
        for row, section in enumerate((f"peaks {axis}", f"peaks {axis} rates")):
            points, numbers = read_back(section)
            for name in SHOWN:
                style = "--" if name in BASELINES else "-"
                axes[row][column].plot(points, numbers[name], style, marker=".", label=name)
        axes[0][column].set_yscale("log")
        axes[1][column].set_xlabel({"width": "width, samples"}.get(axis, axis + ", grey levels"))
        if axis != "width":
            axes[1][column].set_xscale("log")
    axes[0][0].set_ylabel("RMSE of the flagged, samples")
    axes[1][0].set_ylabel("detected, %")
    axes[0][-1].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(PLOT, metadata={"Date": None})


def main() -> None:
    """The command line; see the module's docstring."""
    arguments = argparse.ArgumentParser(description="accuracy of peak detectors")
    arguments.add_argument("--docs", action="store_true", help="write the tables into docs/peaks.md")
    arguments.add_argument(
        "--plot", action="store_true", help="draw docs/peaks.svg from the page's tables, and no more"
    )
    arguments.add_argument("--profiles", type=int, default=10_000, help="of each point")
    arguments.add_argument("--only", choices=[*SWEEPS, "cases"], action="append", help="one axis, or the hard cases")
    given = arguments.parse_args()
    if given.plot:
        plot()
        return
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=UserWarning)
    every = detectors()
    for axis in given.only or [*SWEEPS, "cases"]:
        scores = cases(given.profiles, every) if axis == "cases" else sweep(axis, given.profiles, every)
        publish(f"peaks {axis}", rows(scores, rates=False), PAGE)
        publish(f"peaks {axis} rates", rows(scores, rates=True), PAGE)


if __name__ == "__main__":
    main()
