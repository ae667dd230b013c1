"""The terminal: results on stdout, errors and progress on stderr, and what stood on the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class Progress:
    """A spinner with the stage on a terminal; a line per stage where ``$ISOBIT_PROGRESS`` is set; else nothing."""

    def __enter__(self) -> Callable[[str], None]:
        self._status = err.status("starting") if err.is_terminal else None
        self._lines = bool(os.environ.get("ISOBIT_PROGRESS"))
        if self._status:
            self._status.start()
        return self._stage

    def __exit__(self, *_: Any) -> None:
        if self._status:
            self._status.stop()

    def _stage(self, text: str) -> None:
        if self._status:
            self._status.update(escape(text))
        elif self._lines:
            err.print(f"progress: {escape(text)}", soft_wrap=True)


def given(ctx: Any) -> dict[str, object]:
    """The options that stand on the command line, but those that say where to run and what to write."""
    own = {"output", "docker", "memory", "wide", "as_json"}
    options = [p for p in ctx.command.params if p.param_type_name == "option" and p.name and p.name not in own]
    sources = {p.name: ctx.get_parameter_source(str(p.name)) for p in options}
    return {
        max(p.opts, key=len): ctx.params[str(p.name)]
        for p in options
        if (found := sources[p.name]) is not None and found.name == "COMMANDLINE"
    }
