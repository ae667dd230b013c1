"""Views of predictions and of an accuracy, for the terminal and for files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.text import Text

from isobit.build.folder import Build
from isobit.check.csim.accuracy import Accuracy, Differing
from isobit.check.csim.predict import Integers
from isobit.check.csim.vectors import save_arrays
from isobit.errors import IsobitError, printable
from isobit.report.tables import lined_table

Arrays = Mapping[str, NDArray[Any]]
_SAMPLES, _VALUES = 8, 10


def as_arrays(build: Build, made: Any) -> dict[str, NDArray[Any]]:
    """What :func:`isobit.check.csim.predict.predict` gave, by name; integers with ``NAME.scale``, ``NAME.offset``."""
    outputs = made if isinstance(made, dict) else {build.graph.outputs[0].outside: made}
    arrays: dict[str, NDArray[Any]] = {}
    for name, found in outputs.items():
        if isinstance(found, Integers):
            arrays |= {name: found.values, f"{name}.scale": found.scale, f"{name}.offset": found.offset}
        else:
            arrays[name] = found
    return arrays


def refuse_name(path: Path, integers: bool) -> None:
    """Only what can hold the arrays is written to.

    Raises:
        IsobitError: E601 for another ending than ``.npz`` or, for one array, ``.npy``.
    """
    if path.suffix not in (".npz", ".npy"):
        raise IsobitError("E601", "predictions are .npz or .npy files", where=printable(path), hint="-o y.npz")
    if integers and path.suffix == ".npy":
        what = "integers come with their scale and offset, and a .npy file holds one array"
        raise IsobitError("E601", what, where=printable(path), hint="-o y.npz")


def save_predictions(path: Path, arrays: Arrays) -> None:
    """Write an ``.npz`` with every array by its name, or the only array as ``.npy``.

    Raises:
        IsobitError: E601 when it cannot be written, or a ``.npy`` file would have to hold several arrays.
    """
    if path.suffix == ".npz":
        save_arrays(path, arrays)
        return
    if len(arrays) > 1:
        raise IsobitError("E601", f"a .npy file holds one array, not {len(arrays)}", where=printable(path))
    try:
        np.save(path, next(iter(arrays.values())), allow_pickle=False)
    except OSError as error:
        raise IsobitError("E601", printable(error.strerror or error), where=printable(path)) from error


def prediction_lines(arrays: Arrays) -> Iterator[str]:
    """Every array's shape and first values."""
    for name, x in arrays.items():
        yield f"{printable(name)}: {x.dtype} {list(x.shape)}"
        rows = x.reshape(len(x), -1) if x.ndim > 1 else x.reshape(1, -1)
        for row in rows[:_SAMPLES]:
            yield "  " + " ".join(f"{v:.6g}" for v in row[:_VALUES]) + (" ..." if len(row) > _VALUES else "")
        if len(rows) > _SAMPLES:
            yield f"  ... {len(rows) - _SAMPLES:,} more (-o y.npz writes all)"


def _listed(d: Differing) -> str:
    """The samples, where predictions differ, and the layers of their ties."""
    more = ", ..." if d.predictions > len(d.samples) else ""
    reasons = d.reasons or ("",) * len(d.samples)
    named = (
        f"{sample} by a tie in {printable(why)}" if why else str(sample)
        for sample, why in zip(d.samples, reasons, strict=True)
    )
    return f" (samples {', '.join(named)}{more})" if d.samples else ""


def accuracy_table(found: Accuracy) -> RenderableType:
    """Who got how many right, and of how many samples two of them name another class."""
    head = ("right", "top-1", *((f"top-{found.k}",) if found.k > 1 else ()))
    title = Text(f"{found.samples:,} samples, {found.classes:,} classes")
    table = lined_table("", ("",), head)
    for score in found.scores:
        count = score.samples or found.samples
        shares = [f"{score.top1 / count:.4f}"]
        shares += [f"{score.topk / count:.4f}"] if found.k > 1 else []
        name = score.name if count == found.samples else f"{score.name}, first {count:,}"
        table.add_row(name, f"{score.top1:,}", *shares)
    lines = [f"{d.first} and {d.second}: {d.predictions:,} predictions differ{_listed(d)}" for d in found.differing]
    lines.append(f"C++ = graph: {found.outputs:,} outputs, {found.mismatches:,} mismatches")
    lines += [f"{o.name} = graph: {o.outputs:,} outputs, {o.mismatches:,} mismatches" for o in found.others]
    if found.note:
        lines.append(f"the source was not run: {found.note}")
    return Group(title, table, *(Text(line, no_wrap=True, overflow="ignore") for line in lines))
