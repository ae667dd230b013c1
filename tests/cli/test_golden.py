"""What isobit writes, word for word. After an intended change: ``ISOBIT_REGENERATE=1 pytest tests/cli/test_golden.py``,
then read the difference."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from isobit.version import __version__
from tests.cli.runner import ROOT, isobit, small_model

GOLDEN = ROOT / "tests" / "golden"
FILES = ("show.txt", "show_raw.txt", "show_full.txt", "top.cpp", "top.hpp", "hls_config.cfg", "run_hls.tcl")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("golden")
    model = small_model(folder)
    assert isobit("compile", model, "-o", folder / "build", "--target-ii", "2").status == 0
    texts = {
        name: (folder / "build" / "hls" / name).read_text(encoding="utf-8") for name in FILES if "show" not in name
    }
    for name, option in (("show.txt", ()), ("show_raw.txt", ("--raw",)), ("show_full.txt", ("--full",))):
        texts[name] = isobit("show", model, *option).out
    return {name: text.replace(f"isobit {__version__}", "isobit VERSION") for name, text in texts.items()}


@pytest.mark.parametrize("name", FILES)
def test_is_what_it_was(made: dict[str, str], name: str) -> None:
    path: Path = GOLDEN / name
    if os.environ.get("ISOBIT_REGENERATE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(made[name], encoding="utf-8")
    assert made[name] == path.read_text(encoding="utf-8")
