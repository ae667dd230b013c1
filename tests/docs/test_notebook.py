"""The notebook in examples/ is executed, cell by cell, as a notebook would."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook" / "digits.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def executed(text: str, names: dict[str, Any]) -> Any:
    """Runs a cell and returns the value of its last expression, None where it ends otherwise."""
    body = ast.parse(text).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), str(NOTEBOOK), "exec"), names)
    return eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names) if last else None


def test_it_runs_from_the_first_cell_to_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = [executed("".join(c["source"]), names) for c in CELLS if c["cell_type"] == "code"]
    assert shown[0] == ((450, 64), (450,)) and shown[1] < 0.2
    assert "one frame every" in shown[2] and "<table>" in shown[3]._repr_html_() and shown[4].shape == (2, 10)
    assert "<iframe" in shown[7]._repr_html_() and "driver.py" in shown[8]
    printed = capsys.readouterr().out
    assert "C++: " in printed and "LUT in the place of" in printed
    right = next(score for score in names["accuracy"].scores if score.name == "C++")
    assert right.top1 > 120 and names["smaller"].manifest.estimate.lut < names["build"].manifest.estimate.lut


def test_it_is_kept_without_outputs() -> None:
    code = [cell for cell in CELLS if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
