"""The page in a real browser, wide and narrow: it draws, nothing sticks out, every label fits its box."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from isobit import demo
from tests.cli.runner import isobit

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="NOT TESTED: no Chromium on the path (apt-get install chromium)"
)
WIDTHS = (1280, 400)
# Runs in a copy of the page, in a frame of the wanted width: a window may not become that narrow.
MEASURE = """
const page = document.documentElement, found = {width: page.scrollWidth, view: page.clientWidth, labels: []};
for (const box of document.querySelectorAll('svg g')) {
  const rect = box.querySelector('rect').getBBox();
  for (const text of box.querySelectorAll('text')) {
    const label = text.getBBox();
    if (label.x < rect.x || label.x + label.width > rect.width) found.labels.push(text.textContent);
  }
}
parent.document.title = JSON.stringify(found);
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    assert isobit("compile", demo.MODEL, "-o", folder / "build").status == 0
    assert isobit("report", folder / "build", "-o", folder / "report.html").status == 0
    return folder / "report.html"


def chromium(*options: str) -> str:
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.parametrize("width", WIDTHS)
def test_it_draws(page: Path, tmp_path: Path, width: int) -> None:
    picture = tmp_path / "page.png"
    chromium(f"--window-size={width},2400", "--hide-scrollbars", f"--screenshot={picture}", page.as_uri())
    data = picture.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (width, 2400)
    assert len(data) > 30_000, "an empty page compresses to far less"


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out(page: Path, tmp_path: Path, width: int) -> None:
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    text = text.replace("</body>", f"<script>{MEASURE}</script></body>").replace("&", "&amp;").replace('"', "&quot;")
    frame = tmp_path / "frame.html"
    frame.write_text(f'<!DOCTYPE html><title></title><iframe width="{width}" height="900" srcdoc="{text}"></iframe>')
    title = re.search(r"<title>(.*?)</title>", chromium("--dump-dom", frame.as_uri()))
    assert title is not None
    found = json.loads(title[1])
    assert 0 < found["width"] <= found["view"] <= width and found["labels"] == []
