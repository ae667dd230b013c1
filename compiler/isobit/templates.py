"""Where the hand-written sources lie: what ends up in a user's project, and what only simulations include."""

from __future__ import annotations

from pathlib import Path

import jinja2

from isobit.errors import printable


def root() -> Path:
    """The folder of hand-written sources: inside the installed package, or beside it in a checkout."""
    installed = Path(__file__).resolve().parent / "_templates"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[2] / "templates"


def environment(folder: Path, *, escape: bool = False) -> jinja2.Environment:
    """Jinja as isobit uses it: a name that is missing is an error; ``escape`` for HTML."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=escape,
    )  # fmt: skip


def comment_text(text: str) -> str:
    """Text from outside, safe inside a ``//`` or ``#`` comment: one line, plain characters, no line continuation."""
    return "".join(c if c.isalnum() or c in " .,-_" else "_" for c in printable(text) if c.isascii())
