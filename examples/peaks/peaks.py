"""Peak detection on an endless line: train or load, compile, simulate, and draw what came out.

    python examples/peaks/peaks.py [--bits 4] [--train] [--samples-per-clock 16] [--build FOLDER] [--picture peaks.svg]

The detector marks every sample of long lines of sensor profiles; the centre of mass of a group of marks is the
position of a peak. It comes trained with isobit; ``--train`` trains it here (a few minutes of one core; the result
depends on the seed only). The generated C++ is simulated on lines that the network never saw, and the picture shows
the marks that the C++ made, the true centres, and the best classical detector's answers. The picture needs matplotlib
(``pip install -e ".[plots]"``); ``--picture ""`` leaves it out.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

import isobit
from isobit.backends.dataflow.planner import PlanRequest
from isobit.interp import run as interpret
from isobit.train.peaks import (
    BASELINES,
    LINE,
    Detector,
    Profiles,
    Recipe,
    Signal,
    detector,
    empty,
    generate,
    groups,
    judge,
    lines,
    shipped,
    threshold,
    train,
)  # fmt: skip

LENGTH, TILE, COUNT = 1024, 64, 16
SEED = 2001
CLASSICAL = "matched filter"
SHOWN = 448
"""Samples of the line that is drawn."""


def found_detector(bits: int, trained_here: bool, recipe: Recipe | None = None) -> Detector:
    """The line detector that comes with isobit, or one trained now."""
    return detector(train(LINE, [bits], recipe)[bits]) if trained_here else shipped()["line", bits]


def compiled(found: Detector, samples_per_clock: int, folder: Path) -> isobit.Build:
    """The Vitis HLS project of the detector for lines of :data:`LENGTH` samples."""
    request = PlanRequest(samples=samples_per_clock, share=1.0)
    return isobit.compile(found.model, folder, board="ultra96-v2", input_shape=(1, LENGTH), plan_request=request)


def peaks_of(marks: np.ndarray[Any, Any], least: float) -> list[tuple[float, float]]:
    """Position and strength of every group of marks of a line, integers [LENGTH], above the detector's threshold."""
    return groups(marks / 16, np.arange(len(marks), dtype=np.float64), least)


def run(bits: int, trained_here: bool, samples_per_clock: int, folder: Path, picture: Path | None,
        recipe: Recipe | None = None) -> isobit.CsimResult:  # fmt: skip
    """The whole way; the verdicts of the C simulation on the lines."""
    found = found_detector(bits, trained_here, recipe)
    compare(found)
    build = compiled(found, samples_per_clock, folder)
    estimate = build.manifest.estimate
    print(f"{estimate.lut} LUT, {estimate.dsp} DSP by estimate, {samples_per_clock} samples per clock")
    seen = lines(COUNT, LENGTH // TILE, SEED)
    integers = seen.samples.reshape(COUNT, LENGTH, 1).astype(np.int64)
    result = isobit.csim(build, seen.samples.reshape(COUNT, 1, LENGTH).astype(np.float32))
    verdict = "equal" if result.equal else result.mismatch
    print(f"C simulation of {COUNT} lines of {LENGTH} samples: {verdict}")
    if picture is not None:
        (entry,), (exit_,) = build.graph.inputs, build.graph.outputs
        marks = interpret(build.graph, {entry.name: integers})[exit_.name].reshape(COUNT, LENGTH)
        draw(seen, marks[0], found.threshold, picture)
        print(f"the picture is in {picture}")
    return result


def compare(found: Detector) -> None:
    """Prints the errors of the network and of the classical detector on the same unseen profiles."""
    profiles = generate(5000, SEED, Signal(spurious=0.05))
    classical = BASELINES[CLASSICAL]
    least = threshold(lambda p: classical(p.samples), empty())
    scores = {"network": judge(found(profiles), profiles, found.threshold),
              CLASSICAL: judge(classical(profiles.samples), profiles, least)}  # fmt: skip
    for name, score in scores.items():
        print(f"{name:15} RMSE {score.rmse:.3f}, MAE {score.mae:.3f} samples, {100 * score.detected:.1f} % detected, "
              f"{100 * score.false_alarms:.1f} % false alarms")  # fmt: skip


def draw(seen: Profiles, marks: np.ndarray[Any, Any], least: float, path: Path) -> None:
    """The first line: its samples, the true centres, the network's marks and peaks, the classical detector's peaks."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "peaks", "svg.fonttype": "none", "font.size": 10})
    from matplotlib import pyplot

    tiles = SHOWN // TILE
    starts = TILE * np.arange(tiles)
    samples, centres = seen.samples[:tiles], (seen.centre[:tiles] + starts)[seen.valid[:tiles]]
    classical = BASELINES[CLASSICAL]
    threshold_ = threshold(lambda p: classical(p.samples), empty())
    other = classical(samples)
    theirs = (other.position + starts)[other.score > threshold_]
    ours = [place for place, _ in peaks_of(marks, least) if place < SHOWN]

    figure, (above, below) = pyplot.subplots(2, 1, figsize=(12, 5.5), sharex=True, height_ratios=(3, 1))
    above.step(np.arange(SHOWN), samples.reshape(-1), where="mid", color="0.55", linewidth=0.8, label="8-bit samples")
    for number, place in enumerate(centres):
        above.axvline(place, color="tab:green", linewidth=1, label="true centre" if not number else None)
    top = float(samples.max())
    above.plot(ours, np.full(len(ours), 1.12 * top), "v", color="tab:red", label="network")
    above.plot(theirs, np.full(len(theirs), 1.05 * top), "x", color="tab:blue", label=CLASSICAL)
    above.set_ylabel("grey level")
    above.legend(loc="upper right", fontsize=8, ncols=4)
    below.bar(np.arange(SHOWN), marks[:SHOWN], width=1.0, color="tab:red")
    below.set_ylabel("mark")
    below.set_xlabel("sample")
    below.set_xlim(0, SHOWN)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """The command line; see the module's docstring."""
    arguments = argparse.ArgumentParser(description="peak detection on an endless line")
    arguments.add_argument("--bits", type=int, default=4, choices=(2, 3, 4, 8), help="of weights and activations (4)")
    arguments.add_argument("--train", action="store_true", help="train here instead of taking what comes with isobit")
    arguments.add_argument("--samples-per-clock", type=int, default=16, choices=(1, 2, 4, 8, 16))
    arguments.add_argument("--build", type=Path, metavar="FOLDER", help="keep the build here")
    arguments.add_argument(
        "--picture", default="peaks.svg", metavar="FILE", help='an SVG file; "" for none (peaks.svg)'
    )
    given = arguments.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.build or Path(scratch) / "build"
        run(given.bits, given.train, given.samples_per_clock, folder, Path(given.picture) if given.picture else None)


if __name__ == "__main__":
    main()
