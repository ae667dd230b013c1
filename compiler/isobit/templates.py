"""Where the hand-written sources lie: what ends up in a user's project, and what only simulations include."""

from __future__ import annotations

from pathlib import Path
from types import CodeType

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
        keep_trailing_newline=True, autoescape=escape, bytecode_cache=_COMPILED,
    )  # fmt: skip


class _Compiled(jinja2.BytecodeCache):
    """Templates as code, for as long as the process lives: many builds are written with the same ones."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """The code of a template with this name and text, where it is known."""
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Keep it."""
        self._known[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


def comment_text(text: str) -> str:
    """Text from outside, safe inside a ``//`` or ``#`` comment: one line, plain characters, no line continuation."""
    return "".join(c if c.isalnum() or c in " .,-_" else "_" for c in printable(text) if c.isascii())
