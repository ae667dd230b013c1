"""Accuracy against multiplicand width: plain rounding, rung 1, refit, budget and rescale-aware training.

    python benchmarks/rescale/accuracy.py [--data PATH] [--seeds 5] [--write docs/rescale.md]

Trains four networks with 8-bit weights and activations, and each in float32, on scikit-learn's digits, or with
``--data`` on what :func:`isobit.train.load_data` reads (images with sides of ``4 * 2**n``). The digits take about
14 CPU minutes. The tables are printed, or with ``--write`` put into their place in a page, and the
plot beside it. The result depends on the data and the seeds only; progress shows on a terminal.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import torch
from accuracy_methods import Outcome, Request, outcome
from accuracy_networks import NETWORKS
from accuracy_page import page, panels
from accuracy_plot import draw
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from isobit.passes.budget import parse_share
from isobit.train import Data, digits, load_data

WIDTHS = (32, 16, 12, 8, 6, 5, 4, 3, 2, 1)
BEGIN, END = "<!-- accuracy: begin -->", "<!-- accuracy: end -->"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    options = _parser().parse_args(arguments)
    names = [n for n in NETWORKS if options.only.lower() in n.lower()]
    request = Request(WIDTHS, options.epochs, options.tuning, parse_share(options.budget))
    seeds = options.seeds
    if options.quick:
        names, request, seeds = ["MLP"], Request((8, 2), 1, 1, request.budget), 1
    torch.set_num_threads(1)  # layers this small only wait for threads, and the result must not depend on their number
    data = digits(test_share=0.5) if options.data is None else load_data(options.data)
    outcomes = list(_outcomes(names, seeds, data, request))
    picture = "rescale.svg" if options.write is None else options.write.with_suffix(".svg").name
    text = page(outcomes, request, _about(options, data, request, seeds), picture)
    if options.write is None:
        print(text)
        return
    options.write.write_text(replaced(options.write, text), encoding="utf-8", newline="\n")
    options.write.with_suffix(".svg").write_text(draw(panels(outcomes), request.widths), encoding="utf-8", newline="\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="PATH", help="an npz file or a folder of images per class")
    parser.add_argument("--seeds", type=int, default=5, help="how often each network is trained (%(default)s)")
    parser.add_argument("--epochs", type=int, default=30, help="of training (%(default)s)")
    parser.add_argument("--tuning", type=int, default=3, help="epochs of each fine-tune (%(default)s)")
    parser.add_argument("--budget", default="1000ppm", help="the share of accumulators for rung 4 (%(default)s)")
    parser.add_argument("--only", default="", metavar="NAME", help="networks whose name contains this")
    parser.add_argument("--quick", action="store_true", help="the MLP, one seed, one epoch, two widths")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into this page, the plot beside it")
    return parser


def _outcomes(names: Sequence[str], seeds: int, data: Data, request: Request) -> Iterator[Outcome]:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=len(names) * seeds)
        for name in names:
            for seed in range(seeds):
                yield outcome(name, seed, data, request, partial(_tell, progress, task, f"{name}, seed {seed}"))
                progress.advance(task)


def _tell(progress: Progress, task: TaskID, where: str, what: str) -> None:
    progress.update(task, description=f"{where}: {what}")


def _about(options: argparse.Namespace, data: Data, request: Request, seeds: int) -> str:
    """What ran, in words."""
    what = "scikit-learn's digits" if options.data is None else options.data.name
    counts = f"{len(data.train_labels)} images to train and {len(data.test_labels)} to test"
    return (
        f"{what}: {counts}. Seeds: {seeds}; epochs: {request.epochs}, and {request.tuning} more in each fine-tune; "
        f"budget: {options.budget}. Every figure is a mean over the seeds, with the least and the greatest."
    )


def replaced(path: Path, text: str) -> str:
    """The page ``path`` with ``text`` between its marks, or only that where there is no such page yet.

    Raises:
        SystemExit: the page has no marks.
    """
    block = f"{BEGIN}\n{text}\n{END}"
    if not path.exists():
        return block + "\n"
    written = path.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not pattern.search(written):
        raise SystemExit(f"{path} has no {BEGIN} ... {END}")
    return pattern.sub(lambda _: block, written)


if __name__ == "__main__":
    main()
