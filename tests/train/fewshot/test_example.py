"""examples/fewshot, shortened: the shipped backbone, one width, equal C++ with the head in the fabric."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from isobit.errors import IsobitError
from tests.cli.runner import ROOT

pytest.importorskip("PIL.Image", reason="NOT TESTED: Pillow is not installed")
FOLDER = ROOT / "examples" / "fewshot"


def test_the_shipped_backbone_is_small() -> None:
    assert (FOLDER / "backbone.npz").stat().st_size < 1 << 20


@pytest.mark.slow
def test_the_example_ends_with_equal_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("fewshot_example", FOLDER / "fewshot.py")
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, example)  # its dataclass looks itself up
    spec.loader.exec_module(example)
    try:
        split = example.glyphs()
    except IsobitError as error:
        pytest.skip(f"NOT TESTED: {error.message}")
    recipe = example.pretrained(split, False, tmp_path / "none.pt")
    kept = tmp_path / "rows.jsonl"
    rows = example.study(split, recipe, ["6.6"], [], tmp_path, images=8, runs=500, kept=kept)
    assert [r.name for r in rows] == ["float", "PTQ 6.6"] and rows[1].equal and rows[1].lut > 0
    assert 0.6 < rows[0].easy.accuracy < 0.9
    assert abs(rows[0].easy.accuracy - rows[1].easy.accuracy) < rows[0].easy.interval + rows[1].easy.interval
    assert "PTQ 6.6" in capsys.readouterr().out

    older = kept.read_text().replace(f'"lut": {rows[1].lut}', '"lut": 1')  # what an earlier version may have said
    kept.write_text(older)
    again = example.study(split, recipe, ["6.6"], [], tmp_path, images=8, runs=500, kept=kept, again=True)
    assert again == rows and list(example.read(kept).values()) == rows
