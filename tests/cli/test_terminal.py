"""Progress: a stage that counts says after five seconds how long it will take."""

from __future__ import annotations

import pytest

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
