"""The exactness sweep: every network compiled, simulated and compared on at least 100,000 outputs, as a table.

Run it with ``python benchmarks/exactness.py --write docs/exactness.md``; ``--models DIR`` adds ``DIR/*/model.onnx`` and
``model.tflite``.
Convolutional networks have a page of their own: ``--kind convolutional``, where ``--outputs`` counts images; the
native C++ of a second design, for the largest board, computes further images until 100,000 outputs were compared
there too, or ``--macs`` are spent.
A long sweep goes on where it was stopped: ``--rows DIR`` keeps every finished row and takes those that are there.
Everything but the seconds is the same in every run. The exit status is 1 when anything differs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "compiler"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from exactness_cases import Subject, brevitas_subjects, convolutional_subjects, file_subjects
from exactness_run import CONVOLUTIONAL_OUTPUTS, Recorded, Row, run_subject
from exactness_table import as_markdown
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from isobit.errors import IsobitError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sweep; 0 when every compared integer is equal or a listed tie, 1 otherwise, 2 when it could not start."""
    options = _parser().parse_args(arguments)
    options.outputs = options.outputs or (100_000 if options.kind == "dense" else 32)
    warnings.filterwarnings("ignore", category=UserWarning, module="qonnx")
    try:
        subjects = list(_subjects(options))
    except IsobitError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    rows: list[Row] = []
    for row in _sweep(subjects, options):
        rows.append(row)
        if options.write:  # each time: a long sweep that is interrupted leaves what it has
            options.write.parent.mkdir(parents=True, exist_ok=True)
            options.write.write_text(_page(rows, options), encoding="utf-8", newline="\n")
    if not options.write:
        sys.stdout.write(_page(rows, options))
    return int(any(not row.equal for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help="folder with NAME/model.onnx or model.tflite (and io.npz)"
    )
    parser.add_argument("--cases", choices=("all", "fast", "none"), default="all", help="the Brevitas networks to run")
    parser.add_argument("--only", default="", metavar="TEXT", help="only networks whose name contains TEXT")
    parser.add_argument("--kind", choices=("dense", "convolutional"), default="dense", help="the networks to run")
    parser.add_argument("--outputs", type=int, help="outputs (100000) or images (32) of each network, at least")
    parser.add_argument("--macs", type=float, help="multiply-accumulates, at most, of the images beyond these")
    parser.add_argument("--rows", type=Path, metavar="DIR", help="keep finished rows here, and run only the others")
    parser.add_argument("--jobs", type=int, default=1, help="networks run at the same time")
    parser.add_argument("--exporter", choices=("torchscript", "dynamo"), default="torchscript", help="Brevitas export")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page here instead of printing it")
    return parser


def _repeatable(options: argparse.Namespace) -> str:
    """The options that make the same page again."""
    default = _parser().parse_args([])
    default.outputs = 100_000 if options.kind == "dense" else 32
    said = ("kind", "cases", "only", "outputs", "macs", "exporter")
    names = [n for n in said if getattr(options, n) != getattr(default, n)]
    given = "".join(f" --{name} {getattr(options, name)}" for name in names)
    return (" --models DIR" if options.models else "") + given


def _page(rows: list[Row], options: argparse.Namespace) -> str:
    return as_markdown(rows, options.kind, _least(options), _repeatable(options), _machine())


def _least(options: argparse.Namespace) -> str:
    if options.kind == "dense":
        return f"{options.outputs:,} outputs"
    bound = f" (or {options.macs:,.0f} multiply-accumulates beyond these images)" if options.macs else ""
    return f"{options.outputs:,} images and {CONVOLUTIONAL_OUTPUTS:,} outputs{bound}"


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}"


def _subjects(options: argparse.Namespace) -> Iterable[Subject]:
    convolutional = options.kind == "convolutional"
    files = file_subjects(options.models) if options.models else iter(())
    made = convolutional_subjects if convolutional else brevitas_subjects
    networks = made(options.cases == "fast") if options.cases != "none" else iter(())
    return (s for s in chain(files, networks) if options.only in s.name and s.convolutional == convolutional)


def _sweep(subjects: list[Subject], options: argparse.Namespace) -> Iterator[Row]:
    """Every network in a process of its own, so that its peak memory is its own; rows in the order of ``subjects``."""
    console = Console(stderr=True)
    name = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), MofNCompleteColumn(), TimeElapsedColumn(), name)
    how = (options.outputs, options.macs, options.exporter, lambda _: None)
    _WORK[:] = [partial(_kept, options.rows, subject.name, partial(run_subject, subject, *how)) for subject in subjects]
    forks = multiprocessing.get_context("fork")  # a subject holds closures: it is inherited, not sent
    with (
        Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress,
        forks.Pool(options.jobs, maxtasksperchild=1) as pool,
    ):
        task = progress.add_task("", total=len(subjects))
        for row in pool.imap(_row, range(len(subjects)), chunksize=1):
            progress.update(task, advance=1, description=f"{row.name} done")
            yield row


_WORK: list[Callable[[], Row]] = []


def _row(index: int) -> Row:
    return _WORK[index]()


def _kept(folder: Path | None, name: str, work: Callable[[], Row]) -> Row:
    """The row that ``folder`` has of this network, or the work's, kept there when there is a folder."""
    if folder is None:
        return work()
    path = folder / f"{name}.json"
    if path.is_file():
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Row(**fields | {"recorded": fields["recorded"] and Recorded(**fields["recorded"])})
    row = work()
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(row), indent=1) + "\n", encoding="utf-8")
    return row


if __name__ == "__main__":
    sys.exit(main())
