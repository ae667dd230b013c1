"""Progress: plain lines of what takes over five seconds, with counts and the time left, on stderr alone."""

from __future__ import annotations

import re
import time

import pytest

import isobit
from isobit import demo
from isobit.api import progress as told
from isobit.api.progress import bar_html, quiet
from isobit.cli.terminal import Progress


def test_the_time_left_follows_the_pace() -> None:
    now = [0.0]
    progress = Progress(lambda: now[0])
    seen = []
    for seconds, text in (
        (0, "reading the model"),
        (9, "running native: 0 of 1,000 samples"),
        (13, "running native: 300 of 1,000 samples"),
        (15, "running native: 400 of 1,000 samples"),
        (24, "running native: 1,000 of 1,000 samples"),
        (25, "running the source by x: 10 of 400 samples"),
        (35, "running the source by x: 20 of 400 samples"),
        (50, "writing"),
    ):
        now[0] = seconds
        seen.append(progress.left(text))
    assert seen == ["", "", "", ", about 9 s left", ", about 0 s left", "", ", about 6 min left", ""]


def test_lines_where_they_are_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ISOBIT_PROGRESS", "1")
    with Progress() as stage:
        stage("running native: 0 of 10 samples")
    assert "running native: 0 of 10 samples" in capsys.readouterr().err


def test_a_long_stage_is_a_line_now_and_then() -> None:
    now = [0.0]
    progress = Progress(lambda: now[0])
    said = []
    for seconds, text in (
        (0, "running native: 0 of 100 samples"),
        (4, ""),
        (6, "running native: 30 of 100 samples"),
        (7, ""),
        (13, ""),
        (14, "compiling native: 0 of 1 programs"),
        (18, ""),
        (20, ""),
    ):
        now[0] = seconds
        if text:
            progress._stage(text)
        if line := progress.due():
            said.append((seconds, line))
    assert said == [
        (6, "running native: 30 of 100 samples, about 14 s left"),
        (13, "running native: 30 of 100 samples, about 14 s left"),
        (20, "compiling native: 0 of 1 programs, 6 s so far"),
    ]


def test_lines_come_from_python_too_and_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ISOBIT_PROGRESS")
    monkeypatch.setattr(told, "PATIENCE", 0.01)
    monkeypatch.setattr(told.Progress, "due", lambda self: self._text)
    isobit.compile(demo.MODEL)
    found = capsys.readouterr()
    assert re.search(r": \d+ of \d+ \w+", found.err) and not found.out  # which stage is seen is a matter of time
    isobit.compile(demo.MODEL, progress=quiet)
    assert not capsys.readouterr().err


def test_nothing_is_said_of_what_is_quick(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    monkeypatch.delenv("ISOBIT_PROGRESS")
    with Progress() as stage:
        stage("reading the model")
        time.sleep(0.6)
    assert capsys.readouterr() == ("", "")


def test_a_notebook_gets_a_bar() -> None:
    assert bar_html("a < b: 3 of 1,000") == '<progress value="3" max="1000"></progress> a &lt; b: 3 of 1,000'
    assert bar_html("solving") == "<progress></progress> solving"
