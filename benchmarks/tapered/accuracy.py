"""Accuracy of weights in tapered fixed point against fixed point, integers with any scale and small floats.

    python benchmarks/tapered/accuracy.py --results benchmarks/tapered/results.jsonl [--data digits glyphs] [--quick]

Trains a ConvNet and a network of ResNet-18's shape in float on scikit-learn's digits (8x8, 10 classes, half to test),
on glyphs (characters of many scripts, drawn from the DejaVu fonts, 16x16, 42 classes, half to test), or on what
:func:`isobit.train.load_data` reads from a path (CIFAR-10 as folders of images, say: the mean of its colours). Each is
quantised after training (PTQ: weights only, activations are 8 bits throughout) and trained on for some epochs with the
quantised weights (QAT). One line of JSON per data, network, seed, format and width is added to the results; what is
there already is not done again. ``page.py`` makes the table and the plot of them. The result depends on data and seeds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from networks import NETWORKS, seeded

from isobit.numerics.formats.choose import Scales
from isobit.train import Data, accuracy, adam, digits, fit, load_data
from isobit.train.fewshot import glyphs
from isobit.train.fewshot.glyphs import matplotlib_fonts
from isobit.train.formats import calibrate, with_weights

WIDTHS = (3, 4, 5, 6, 7, 8)
FLOATS = {4: ("e2m1",), 6: ("e3m2", "e2m3"), 8: ("e4m3",)}
METHODS: dict[str, tuple[str, Scales]] = {
    "fixed point": ("fixed:{}", "power-of-two"), "integer": ("int:{}", "free"),
    "tapered, 2^k": ("tapered:{}", "power-of-two"), "tapered": ("tapered:{}", "free"),
}  # fmt: skip
"""Name to format and scale; the scale is one for a tensor."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)  # layers this small only wait for threads, and the result must not depend on their number
    if options.quick:
        options.widths, options.seeds, options.epochs = (4,), 1, 1
    for name in options.data:
        data = _data(name)
        for network in [n for n in NETWORKS if options.only.lower() in n.lower()]:
            for seed in range(options.seeds):
                _add({"data": Path(name).stem, "network": network, "seed": seed}, data, options)


def _data(name: str) -> Data:
    """Square images of one channel."""
    if name == "digits":
        return digits(test_share=0.5)
    if name == "glyphs":
        part = glyphs(70, 60, 16, fonts=matplotlib_fonts()).base  # the same for everybody
        x, y = part.inputs(), part.labels
        return Data(x[::2], y[::2], x[1::2], y[1::2])
    found = load_data(name)
    grey = (x.mean(1, keepdim=True) for x in (found.train_inputs, found.test_inputs))
    return Data(next(grey), found.train_labels, next(grey), found.test_labels)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, metavar="FILE", help="lines of JSON, added to")
    parser.add_argument("--data", nargs="+", default=["digits", "glyphs"], help="or an npz file, a folder of images")
    parser.add_argument("--seeds", type=int, default=5, help="how often each network is trained (%(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help="of training in float (%(default)s)")
    parser.add_argument("--tuning", type=int, default=2, help="epochs of QAT; 0 for none (%(default)s)")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, metavar="N", help="bits of a weight")
    parser.add_argument("--tuned", type=int, nargs="+", default=WIDTHS, metavar="N", help="those of them with QAT")
    parser.add_argument("--only", default="", metavar="NAME", help="networks whose name holds this")
    parser.add_argument("--quick", action="store_true", help="4 bits, one seed, one epoch: does it run?")
    return parser


def _add(which: dict[str, Any], data: Data, options: argparse.Namespace) -> None:
    """The lines of one network and seed that are not there yet."""
    path, seed, tuned = options.results, which["seed"], options.tuned if options.tuning else ()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    done = {(d["method"], d["bits"], stage) for d in lines if which.items() <= d.items() for stage in d}
    wanted = [w for w in _formats(options.widths) if (*w[:2], "qat" if w[1] in tuned else "ptq") not in done]
    if not wanted:
        return
    model = seeded(which["network"], data.classes, data.train_inputs.shape[-1], seed)
    fit(model, data, epochs=options.epochs, seed=seed, optimiser=adam(3e-3), progress=False)
    plain = accuracy(model, data.test_inputs, data.test_labels)
    calibrate(model, data.train_inputs[:256])
    common = {**which, "float": plain, "activations": _measured(model, data)}
    for method, bits, text, scales in wanted:
        made = with_weights(model, text, scales)
        line: dict[str, Any] = {**common, "method": method, "bits": bits, "ptq": _measured(made, data)}
        line["runs"] = [m.format.run for m in made.modules() if hasattr(getattr(m, "format", None), "run")]
        if bits in tuned:
            rate, line["tuning"] = adam(5e-4), options.tuning
            line["qat"] = fit(made, data, epochs=options.tuning, seed=seed, optimiser=rate, progress=False)[-1].accuracy
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(line) + "\n")


def _formats(widths: Sequence[int]) -> Iterator[tuple[str, int, str, Scales]]:
    for bits in widths:
        for method, (text, scales) in METHODS.items():
            yield method, bits, text.format(bits), scales
        for kind in FLOATS.get(bits, ()):
            yield kind, bits, kind, "free"


def _measured(model: torch.nn.Module, data: Data) -> float:
    return accuracy(model, data.test_inputs, data.test_labels)


if __name__ == "__main__":
    main()
