"""The terminal: results on stdout, errors and progress on stderr."""

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
