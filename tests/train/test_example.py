"""examples/rescale_aware, shortened: it trains, compiles three times and ends with an equal C simulation."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from isobit.train import Data, digits
from tests.cli.runner import ROOT


def test_the_example_ends_with_an_equal_simulation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("rescale_example", ROOT / "examples" / "rescale_aware" / "train.py")
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    data = digits()
    few = Data(data.train_inputs[:512], data.train_labels[:512], data.test_inputs[:40], data.test_labels[:40])
    result = example.run(few, 3, tmp_path, epochs=1, fine_tune=1)
    printed = capsys.readouterr().out.splitlines()
    assert result.equal and result.runs[0].vectors == 40
    assert [line.partition(" accuracy")[0].strip() for line in printed[:3]] == [
        "trained", "shortened to 3 bits", "1 epochs later",
    ]  # fmt: skip
    widths = [int(line.split()[-2]) for line in printed[:3]]
    assert widths[0] > 3 >= widths[1] and widths[2] <= 3
    assert (tmp_path / "trained.pt").is_file() and (tmp_path / "short3.pt").is_file()
