"""How far a long piece of work is: a spinner on a terminal, a bar in a notebook, plain lines wherever else stderr goes.

Every stage of more than :data:`PATIENCE` seconds shows what of how much is done and the time left; where nothing is
counted, how long it has been running. stdout is never touched.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from html import escape as html
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from rich.console import Console
from rich.markup import escape

P = ParamSpec("P")
R = TypeVar("R")
Told = Callable[[str], None]
_SAID = " left"
"""What a text holds that says itself how long it will take."""
_COUNT = re.compile(r"([\d,]+) of ([\d,]+)")
PATIENCE = 5.0
"""Seconds of a stage before anything is said of it where there is no terminal, and before its time left is."""
MOST_SILENT = 60.0
"""Seconds between two lines of one stage, at most; they double from :data:`PATIENCE` on."""


class Progress:
    """Says the stage that it is told, between ``with`` and its end.

    Where stderr is no terminal: a line for a stage that has run for :data:`PATIENCE` seconds, and again after twice as
    long, while it runs. ``$ISOBIT_PROGRESS`` changes that: every line at once and marked where it is 1, which is how a
    container tells its progress, and not a word where it is 0.

    Args:
        console: of stderr; one of its own without.
        spinner: whether a terminal shows one; the same lines as elsewhere without, which disturb nobody's own display.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, console: Console | None = None, *, spinner: bool = True
    ) -> None:  # fmt: skip
        self._clock, self._console, self._spinner = clock, console, spinner
        self._stage_name, self._began, self._first = "", 0.0, 0
        self._text, self._silent = "", PATIENCE
        self._show: Callable[[str], None] | None = None
        self._end: Callable[[], None] = lambda: None
        self._guard, self._over = threading.Lock(), threading.Event()
        self._watch: threading.Thread | None = None

    def __enter__(self) -> Told:
        console = Console(stderr=True, highlight=False) if self._console is None else self._console
        self._console = console
        wanted = os.environ.get("ISOBIT_PROGRESS", "")
        if wanted == "0":
            return lambda _: None
        if in_notebook():
            self._show, self._end = _bar()
        elif wanted:
            self._show = lambda text: console.print(f"progress: {escape(text)}", soft_wrap=True)
        elif console.is_terminal and self._spinner:
            status = console.status("starting")
            status.start()
            self._show, self._end = lambda text: status.update(escape(text)), status.stop
        else:
            self._watch = threading.Thread(target=self._watching, daemon=True)
            self._watch.start()
        return self._stage

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        if self._watch is not None:
            self._watch.join()
        self._end()

    def _stage(self, text: str) -> None:
        with self._guard:
            before = self._stage_name
            left = self.left(text)
            self._text = text if _SAID in text else text + left
            if self._stage_name != before:
                self._silent = PATIENCE
        if self._show is not None:
            self._show(self._text)

    def _watching(self) -> None:
        while not self._over.wait(PATIENCE / 10):
            with self._guard:
                line = self.due()
            if line:
                self._print(line)

    def due(self) -> str:
        """The line of a stage that has been silent for long enough; "" while none is due."""
        passed = self._clock() - self._began
        if not self._text or passed < self._silent:
            return ""
        self._silent = passed + min(passed, MOST_SILENT)
        return self._text if _SAID in self._text else f"{self._text}, {_duration(passed)} so far"

    def _print(self, line: str) -> None:
        assert self._console is not None
        with suppress(OSError, ValueError):  # nobody reads it any more
            self._console.print(escape(line), soft_wrap=True)

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
        return f", about {_duration(passed / made * (count - done))} left"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def _bar() -> tuple[Callable[[str], None], Callable[[], None]]:
    """A bar below the cell: what sets its text, and what takes it away."""
    from IPython.display import display  # type: ignore[import-not-found, unused-ignore]

    place: Any = display({"text/plain": ""}, raw=True, display_id=True)

    def show(text: str) -> None:
        place.update({"text/plain": text, "text/html": bar_html(text)}, raw=True)

    return show, lambda: place.update({"text/plain": "", "text/html": ""}, raw=True)


def bar_html(text: str) -> str:
    """A stage as HTML: a bar as full as its count says, one without end where it counts nothing."""
    found = _COUNT.search(text)
    done, count = (int(part.replace(",", "")) for part in found.groups()) if found else (0, 0)
    filled = f' value="{done}" max="{count}"' if count else ""
    return f"<progress{filled}></progress> {html(text)}"


def quiet(_: str) -> None:
    """No progress is told."""


def telling(function: Callable[P, R]) -> Callable[P, R]:
    """Where the caller of ``function`` gives no ``progress``: a bar in a notebook, lines on stderr elsewhere."""

    @wraps(function)
    def shown(*args: P.args, **kwargs: P.kwargs) -> R:
        if "progress" in kwargs:
            return function(*args, **kwargs)
        with Progress(spinner=False) as tell:
            kwargs["progress"] = tell
            return function(*args, **kwargs)

    return shown
