"""Where the hand-written sources lie: what ends up in a user's project, and what only simulations include."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isobit.errors import printable

if TYPE_CHECKING:
    import jinja2


def root() -> Path:
    """The folder of hand-written sources: inside the installed package, or beside it in a checkout."""
    installed = Path(__file__).resolve().parent / "_templates"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[2] / "templates"


def environment(folder: Path, *, escape: bool = False) -> jinja2.Environment:
    """:func:`isobit.rendering.environment`."""
    from isobit.rendering import environment  # Jinja: nobody waits for it who only reads

    return environment(folder, escape=escape)


def comment_text(text: str) -> str:
    """Text from outside, safe inside a ``//`` or ``#`` comment: one line, plain characters, no line continuation."""
    return "".join(c if c.isalnum() or c in " .,-_" else "_" for c in printable(text) if c.isascii())
