"""Jinja as isobit uses it. What only reads and runs builds does not load it."""

from __future__ import annotations

from pathlib import Path
from types import CodeType

import jinja2


def environment(folder: Path, *, escape: bool = False) -> jinja2.Environment:
    """An environment for the templates in ``folder``: a name that is missing is an error; ``escape`` for HTML."""
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
