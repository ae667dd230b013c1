"""Which widths does a few-shot network need, and does the hardware give the accuracy that was measured?

    python examples/fewshot/fewshot.py [--widths I.F ...] [--qat I.F ...] [--train] [--picture fewshot.svg]

A ResNet-9 that knows 120 characters is asked about 50 that it never saw. It is quantised to Q(I.F), weights and
activations alike, after training and (``--qat``) trained on in the format, compiled for a PYNQ-Z1 with a head of five
classes in the fabric, and simulated: the generated C++ must give the graph's features and labels on the same images.
One table and one picture say accuracy by width beside the float network, LUTs, DSPs, block RAMs and time a frame. The
backbone comes with the example; ``--train`` pre-trains it here, and goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn

import isobit
from isobit.fewshot import head_of, head_rows
from isobit.fewshot.evaluation import Outcome, Task, evaluate
from isobit.interp import dequantise, quantise, run
from isobit.train import Data, accuracy, adam, fit, parse_formats, quantised
from isobit.train.fewshot import Recipe, Split, glyphs, resnet9, restarts, sgd, training_data

HERE = Path(__file__).resolve().parent
SHIPPED = HERE / "backbone.npz"
FM, WAYS, EPOCHS = 8, 5, 20
QAT_EPOCHS, QAT_RATE = 2, 1e-3
PAPERS = """measured by their authors on a PYNQ-Z1, on photographs, the classifier on the CPU:
  ResNet-9 by FINN, CIFAR-10 5-way 5-shot: 62.78 % at 16 bits, 59.7 % at 6 and 4 bits, 16.3 ms (arXiv 2602.16024)
  ResNet-9 by Tensil, 16 bits: 30 ms (PEFSL)
  ResNet-12: PTQ 6+6 and QAT 5+5 are near float (arXiv 2602.12295)"""
ON = "trained on"
"""The float network after as many epochs more as QAT has: what of a gain is training, and what the format."""
BASE_STEP = 10


@dataclass(frozen=True)
class Row:
    """One network: its accuracy by either protocol, and what its hardware takes; zeros for the float network."""

    name: str
    easy: Outcome
    pefsl: Outcome
    lut: int = 0
    dsp: int = 0
    bram: float = 0
    milliseconds: float = 0.0
    equal: bool = True


def pretrained(split: Split, trained_here: bool, checkpoint: Path) -> Recipe:
    """The backbone with the classifier of the base classes it was trained with."""
    torch.manual_seed(0)
    recipe = Recipe(resnet9(FM, channels=1), len(split.base.names), mixup=False)
    if trained_here:
        options = {"optimiser": sgd(0.05), "schedule": restarts(EPOCHS), "loss": recipe.loss, "batch": 64}
        fit(recipe, training_data(split.base), epochs=EPOCHS, checkpoint=checkpoint, **options)
    else:
        with np.load(SHIPPED, allow_pickle=False) as arrays:
            recipe.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
    return recipe.eval()


def in_format(recipe: Recipe, widths: str, data: Data, qat: bool) -> nn.Module:
    """The backbone in Q(widths), trained on with the classifier if ``qat``."""
    made = quantised(recipe.backbone, parse_formats("fixed", widths, widths, "1.8"))
    return trained_on(made, recipe, data) if qat else made.eval()


def trained_on(backbone: nn.Module, recipe: Recipe, data: Data) -> nn.Module:
    """The backbone after the epochs of QAT, with the classifier of the base classes behind it."""
    whole = nn.Sequential(backbone, deepcopy(recipe.classes))
    fit(whole, data, epochs=QAT_EPOCHS, optimiser=adam(QAT_RATE), batch=64)
    return backbone.eval()


def judged(name: str, features: dict[str, np.ndarray], labels: np.ndarray, runs: int) -> Row:
    """Either protocol on the novel classes."""
    mean = features["base"].mean(axis=0)
    easy = evaluate(features["novel"], labels, Task(WAYS, 1), base_mean=mean, runs=runs)
    pefsl = evaluate(features["novel"], labels, Task(WAYS, 5), protocol="pefsl", runs=runs)
    return Row(name, easy, pefsl)


def seen(split: Split) -> dict[str, torch.Tensor]:
    """The images whose features are taken: all novel ones, and of the base classes enough for their mean."""
    return {"base": split.base.inputs()[::BASE_STEP], "novel": split.novel.inputs()}


def of_float(name: str, backbone: nn.Module, split: Split, runs: int) -> Row:
    """A float network."""
    with torch.no_grad():
        found = {part: backbone(x).numpy() for part, x in seen(split).items()}
    return judged(name, found, split.novel.labels.numpy(), runs)


def of_hardware(name: str, build: isobit.Build, split: Split, images: int, runs: int) -> Row:
    """The compiled network: accuracy by its graph, and its hardware."""
    found = {part: features(build, x.numpy()) for part, x in seen(split).items()}
    return with_hardware(judged(name, found, split.novel.labels.numpy(), runs), build, split, images)


def with_hardware(row: Row, build: isobit.Build, split: Split, images: int) -> Row:
    """The row with what the hardware takes, and whether graph and C++ with the head are equal on ``images`` images."""
    head, pixels, labels = head_of(build.graph), split.novel.inputs().numpy(), split.novel.labels.numpy()
    assert head is not None
    shots = [features(build, pixels[labels == c][:5]) / float(head.features.scale[0]) for c in range(WAYS)]
    rows = head_rows([np.rint(x).astype(int) for x in shots], WAYS, head.limit)
    given = {build.graph.inputs[0].outside: pixels[:images], "prototypes": np.repeat(rows[None], images, axis=0)}
    equal = isobit.csim(build, given, source=False).equal
    e = build.manifest.estimate
    time = e.latency / build.manifest.board.clock_mhz / 1e3
    return replace(row, lut=e.lut, dsp=e.dsp, bram=e.bram36, milliseconds=time, equal=equal)


def features(build: isobit.Build, pixels: np.ndarray) -> np.ndarray:
    """The graph's features of images, as real numbers [N, features]."""
    head = head_of(build.graph)
    assert head is not None
    entry = build.graph.inputs[0]
    nothing = np.zeros((len(pixels), *head.prototypes.shape), np.int64)
    made = run(build.graph, {entry.name: quantise(entry, pixels), head.prototypes.name: nothing})
    return dequantise(head.features, made[head.features.name])


def table(rows: list[Row]) -> str:
    """The rows in columns."""
    lines = [
        f"{'network':16} {'EASY 1-shot':>16} {'PEFSL 5-shot':>16} {'LUT':>7} {'DSP':>5} {'BRAM':>6} {'ms':>7}  C++"
    ]
    for r in rows:
        hardware = f"{r.lut:7} {r.dsp:5} {r.bram:6g} {r.milliseconds:7.3f}  {'equal' if r.equal else 'DIFFERS'}"
        lines.append(f"{r.name:16} {r.easy!s:>16} {r.pefsl!s:>16} {hardware if r.lut else ''}".rstrip())
    return "\n".join(lines)


def draw(rows: list[Row], path: Path) -> None:
    """Accuracy by width, with its interval, beside the float network's."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "fewshot", "svg.fonttype": "none", "font.size": 10})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    level, error = (100 * v for v in (rows[0].easy.accuracy, rows[0].easy.interval))
    axes.axhspan(level - error, level + error, color="0.8", label="float, 95 %")
    for method, marker in (("PTQ", "o"), ("QAT", "s")):
        found = [r for r in rows[1:] if r.name.startswith(method)]
        bits = [sum(map(int, r.name.split()[1].split("."))) for r in found]
        values, errors = ([100 * getattr(r.easy, k) for r in found] for k in ("accuracy", "interval"))
        if found:
            axes.errorbar(bits, values, errors, marker=marker, capsize=3, label=method)
    axes.set_xlabel("bits, I + F")
    axes.set_ylabel("5-way 1-shot, %")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def study(
    split: Split, recipe: Recipe, widths: list[str], qat: list[str], folder: Path, *, images: int = 100,
    runs: int = 10_000, kept: Path | None = None, again: bool = False,
) -> list[Row]:  # fmt: skip
    """Every row of the table, printed as it is made.

    Those in the file ``kept`` are not made again; with ``again`` the networks that they left in ``folder`` are compiled
    and simulated again, so that all hardware is of one version. Then the file has every row once more, the last counts.
    """
    data, done, shape = training_data(split.base), read(kept), tuple(split.novel.images.shape[1:])
    print(f"base classes, float: {100 * accuracy(recipe, data.test_inputs, data.test_labels):.1f} %", flush=True)
    rows, beside = [], [("float", ON)] if qat else []
    for name, width in [("float", ""), *beside, *(("PTQ", w) for w in widths), *(("QAT", w) for w in qat)]:
        called, place = f"{name} {width}".strip(), folder / f"{name.lower()}-{width}"
        row = done.get(called)
        if row is None and name == "float":
            model = trained_on(deepcopy(recipe.backbone), recipe, data) if width else recipe.backbone
            row = of_float(called, model, split, runs)
        elif row is None:
            model = in_format(recipe, width, data, name == "QAT")
            row = of_hardware(called, isobit.compile(model, place, head=WAYS, input_shape=shape), split, images, runs)
        elif again and (place / "source.onnx").is_file():
            made = isobit.compile(place / "source.onnx", folder / f"{place.name}-again", head=WAYS)
            row = with_hardware(row, made, split, images)
        rows.append(row)
        if kept is not None and row != done.get(called):
            with kept.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(asdict(row)) + "\n")
        print(table(rows[-1:]).splitlines()[-1], flush=True)
    return rows


def read(kept: Path | None) -> dict[str, Row]:
    """The rows of a file by their names."""
    lines = kept.read_text(encoding="utf-8").splitlines() if kept is not None and kept.exists() else []
    found = [json.loads(line) for line in lines]
    return {r["name"]: Row(**r | {k: Outcome(**r[k]) for k in ("easy", "pefsl")}) for r in found}


def main() -> None:
    """The command line; see the module's docstring."""
    arguments = argparse.ArgumentParser(description="few-shot learning by width")
    arguments.add_argument("--widths", nargs="*", default=["8.8", "6.6", "5.5", "4.4", "3.3"], metavar="I.F")
    arguments.add_argument("--qat", nargs="*", default=["8.8", "6.6", "5.5", "4.4", "3.3"], metavar="I.F")
    arguments.add_argument("--train", action="store_true", help="pre-train here instead of taking what is shipped")
    arguments.add_argument("--images", type=int, default=100, help="through the C++ of every width")
    arguments.add_argument("--runs", type=int, default=10_000, help="of either protocol")
    arguments.add_argument("--build", type=Path, metavar="FOLDER", help="keep builds and checkpoint here")
    arguments.add_argument("--rows", type=Path, metavar="FILE", help="lines of JSON: rows that are there stay")
    arguments.add_argument("--again", action="store_true", help="compile and simulate the kept rows' networks again")
    arguments.add_argument("--picture", default="fewshot.svg", help='needs matplotlib; "" leaves it out')
    given = arguments.parse_args()
    if given.again and not (given.rows and given.build):
        arguments.error("--again needs --rows and --build, where the rows and their networks were kept")
    if given.picture and find_spec("matplotlib") is None:
        arguments.error('the picture needs matplotlib; --picture "" leaves it out')
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.build or Path(scratch)
        split = glyphs()
        recipe = pretrained(split, given.train, folder / "pretraining.pt")
        options = {"images": given.images, "runs": given.runs, "kept": given.rows, "again": given.again}
        rows = study(split, recipe, given.widths, given.qat, folder, **options)
    print(table(rows), PAPERS, sep="\n")
    if given.picture:
        draw(rows, Path(given.picture))


if __name__ == "__main__":
    main()
