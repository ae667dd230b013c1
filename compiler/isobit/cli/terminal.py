"""The terminal: results on stdout, errors and progress on stderr, and what stood on the command line."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_COUNT = re.compile(r"([\d,]+) of ([\d,]+)")
PATIENCE = 5.0
"""Seconds of a stage after which it says how long it will take."""


class Progress:
    """A spinner with the stage on a terminal; a line per stage where ``$ISOBIT_PROGRESS`` is set; else nothing.

    A stage that counts (``30 of 100 samples``) says after :data:`PATIENCE` seconds how many are left.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage_name, self._began, self._first = "", 0.0, 0

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
        text += self.left(text)
        if self._status:
            self._status.update(escape(text))
        elif self._lines:
            err.print(f"progress: {escape(text)}", soft_wrap=True)

    def left(self, text: str) -> str:
        """``, about 12 s left`` behind a count, by the pace since the stage began; "" while nothing is known."""
        found = _COUNT.search(text)
        done, count = (int(part.replace(",", "")) for part in found.groups()) if found else (0, 0)
        name = text[: found.start()] if found else text
        if name != self._stage_name:
            self._stage_name, self._began, self._first = name, self._clock(), done
        passed, made = self._clock() - self._began, done - self._first
        if passed < PATIENCE or made <= 0:
            return ""
        seconds = passed / made * (count - done)
        return f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"


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
