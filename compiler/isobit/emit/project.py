"""A design as files: the Vitis HLS project, rendered from ``templates/``, written all at once or not at all."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from isobit.emit.design import Array, Design, IntType
from isobit.errors import IsobitError, printable
from isobit.hardware import Board, fifo_storage
from isobit.version import __version__

MANIFEST = "manifest.json"
_INCLUDED = re.compile(r'^#include "isobit/(\w+)\.hpp"$', re.MULTILINE)
_RENDERED = ("top.hpp", "top.cpp", "parameters.hpp", "tb.cpp", "hls_config.cfg", "run_hls.tcl", "Makefile")


def templates_root() -> Path:
    """The folder of hand-written sources: inside the installed package, or beside it in a checkout."""
    installed = Path(__file__).resolve().parents[1] / "_templates"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[3] / "templates"


def render(design: Design, board: Board, title: str) -> dict[str, str]:
    """The generated files of a project: path to text. ``title`` is shown in comments only."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_root() / "project"),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    environment.filters |= {"initialiser": _initialiser, "dimensions": _dimensions}
    environment.filters["fifo_storage"] = lambda stream: fifo_storage(stream.depth, stream.bits, board)
    context = {
        "design": design, "board": board, "version": __version__, "title": comment_text(title),
        "period_ns": f"{1000 / board.clock_mhz:g}",
        "arrays": [a for p in design.processes for a in p.arrays],
    }  # fmt: skip
    return {name: environment.get_template(name + ".j2").render(context) for name in _RENDERED}


def headers(design: Design) -> dict[str, str]:
    """The copied template headers and those that they include: path to text."""
    folder = templates_root() / "hls" / "isobit"
    texts: dict[str, str] = {}
    missing = {"types", *design.headers}
    while missing:
        texts |= {name: (folder / f"{name}.hpp").read_text(encoding="utf-8") for name in missing}
        missing = {name for text in texts.values() for name in _INCLUDED.findall(text)} - texts.keys()
    return {f"isobit/{name}.hpp": texts[name] for name in sorted(texts)}


def comment_text(text: str) -> str:
    """Text from outside, safe inside a ``//`` comment: one line, plain characters, no line continuation."""
    return "".join(c if c.isalnum() or c in " .,-_" else "_" for c in printable(text) if c.isascii())


def _dimensions(array: Array) -> str:
    return "".join(f"[{n}]" for n in array.values.shape)


def _initialiser(array: Array) -> str:
    """The values in braces, one line per row of the first axis."""
    values = array.values.tolist() if array.elem.bits < 64 else _wide(array.values.tolist(), array.elem)
    text = str(values).replace("'", "").translate(str.maketrans("[]", "{}"))
    return "  " + text.replace("}, {", "},\n   {") if array.values.ndim > 2 else _wrapped(text)


def _wide(values: Any, elem: IntType) -> Any:
    """Nested lists of integers as calls that make them: no C++ literal has more than 63 bits and a sign."""
    if isinstance(values, list):
        return [_wide(v, elem) for v in values]
    maker = f"isobit::wide_constant<{elem.bits}, {'true' if elem.signed else 'false'}>"
    return f"{maker}({values >> 64}, {values & (1 << 64) - 1:#x}ULL)"


def _wrapped(text: str) -> str:
    words, lines, line = text.split(" "), [], "  "
    for word in words:
        if len(line) + len(word) > 118:
            lines.append(line.rstrip())
            line = "   "
        line += word + " "
    return "\n".join([*lines, line.rstrip()])


def file_hashes(root: Path) -> dict[str, str]:
    """SHA-256 of every file under ``root`` but the manifest, by relative path, sorted."""
    files = sorted(p for p in root.rglob("*") if p.is_file() and p.name != MANIFEST)
    return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def write_files(root: Path, texts: Mapping[str, str]) -> None:
    """Write each text below ``root``, creating folders."""
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def atomic_folder(destination: Path) -> Iterator[Path]:
    """A fresh folder that becomes ``destination`` when the block succeeds and vanishes when it does not.

    An earlier isobit build there is replaced; anything else is refused.

    Raises:
        IsobitError: E602 when ``destination`` holds something else, E601 when it cannot be written.
    """
    try:
        _refuse_foreign(destination)
        destination.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{destination.name[:40]}.", suffix=".partial", dir=destination.parent))
    except OSError as error:
        raise _unwritable(destination, error) from error
    try:
        yield work
        _swap(work, destination)
    except OSError as error:
        raise _unwritable(destination, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _refuse_foreign(destination: Path) -> None:
    if Path.cwd().is_relative_to(destination.resolve()):
        raise IsobitError(
            "E602", "the working folder lies inside it", where=printable(destination), hint="choose a folder of its own"
        )
    if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
        raise IsobitError(
            "E602", "the output path is not a folder", where=printable(destination), hint="choose another -o"
        )
    if destination.is_dir() and any(destination.iterdir()) and not (destination / MANIFEST).is_file():
        raise IsobitError(
            "E602",
            "the folder is not empty and holds no isobit build",
            where=printable(destination),
            hint="choose another -o",
        )


def _swap(work: Path, destination: Path) -> None:
    work.chmod(0o755)
    old = work.with_suffix(".old")
    if destination.exists():
        destination.replace(old)
    try:
        work.replace(destination)
    except BaseException:
        if old.exists():
            old.replace(destination)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _unwritable(destination: Path, error: OSError) -> IsobitError:
    return IsobitError(
        "E601",
        printable(error.strerror or error),
        where=printable(destination),
        hint="choose a writable folder with -o",
    )


def raw_bytes(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]], dtype: np.dtype[np.generic]) -> bytes:
    """Integers as the little-endian containers of a port."""
    return np.ascontiguousarray(values.astype(dtype)).tobytes()
