"""What an exploration found, for the terminal, as JSON and as a picture."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from isobit.errors import printable
from isobit.explore.run import Explored, Trial
from isobit.report.plot import draw
from isobit.report.tables import lined_table


def explored_table(found: Explored) -> RenderableType:
    """How many trials there were, the front, and why others were refused."""
    refused = Counter(t.outcome.refused for t in found.trials if t.outcome.refused)
    lines = [f"{len(found.trials)} trials, {len(found.front)} on the front, {sum(refused.values())} refused"]
    table = lined_table("", ("build", "parameters"), ("accuracy", "frames/s", "LUT", "DSP", "BRAM36", "area"))
    for trial in found.front:
        o = trial.outcome
        numbers = (f"{o.accuracy:.4g}", f"{o.frames_per_second:,.0f}", *map(str, (o.lut, o.dsp, o.bram36, o.area)))
        table.add_row(trial.folder.name, Text(_words(trial)), *numbers)
    why = [f"{count} refused: {text}" for text, count in sorted(refused.items())]
    return Group(*map(_line, lines), table, *map(_line, why))


def explored_json(found: Explored) -> dict[str, Any]:
    """Every trial by number, and the numbers of the front."""
    trials = [{"number": t.number, "parameters": t.parameters, **t.outcome.plain()} for t in found.trials]
    return {"trials": trials, "front": [t.number for t in found.front]}


def draw_explored(path: Path, found: Explored) -> None:
    """Accuracy against area of the front."""
    points = [(float(t.outcome.area), t.outcome.accuracy) for t in found.front]
    draw(path, points, ("area, in LUTs at the prices of the estimate", "accuracy"), "accuracy against resources")


def _words(trial: Trial) -> str:
    values = {name: f"{v:.4g}" if isinstance(v, float) else v for name, v in sorted(trial.parameters.items())}
    return ", ".join(f"{printable(name)} {printable(value)}" for name, value in values.items())


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ignore")
