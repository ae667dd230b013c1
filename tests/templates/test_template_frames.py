"""Frames that follow each other in one pipeline: what a loop leaves behind is what the next frame begins with.

A loop that rewinds is entered once. The headers are compiled with everything that stands before the loop made
``static``, so that each frame finds what the frame ahead has left, counters and memories alike, and must make the same
words.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.templates.conftest import TEMPLATES
from tests.templates.test_template_blocks import block_cases, whole_cases
from tests.templates.test_template_values import PROGRAMS as VALUES
from tests.templates.test_template_windows import PROGRAMS as WINDOWS

PROGRAMS = VALUES | WINDOWS | {"blocks.cpp": block_cases() + whole_cases()}
LOOP = re.compile(r"^  for \(int .*\{\n#pragma HLS PIPELINE .*rewind$", re.MULTILINE)
STATE = re.compile(r"^  (?=[a-zA-Z])(?!typedef|static|return|.*::bind\()(?=.*;)", re.MULTILINE)


def kept(header: str) -> tuple[str, int]:
    """The header with the state of its loops ``static``, and how many loops there are."""
    made, done = "", 0
    loops = list(LOOP.finditer(header))
    for loop in loops:
        begin = header.rindex(" {\n", done, loop.start()) + 3  # of the function's body
        made += header[done:begin] + STATE.sub("  static ", header[begin : loop.start()])
        done = loop.start()
    return made + header[done:], len(loops)


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, loops, states = tmp_path_factory.mktemp("kept"), 0, 0
    (folder / "isobit").mkdir()
    for header in (TEMPLATES / "hls" / "isobit").glob("*.hpp"):
        text = header.read_text(encoding="utf-8")
        changed, count = kept(text)
        loops, states = loops + count, states + changed.count("  static ") - text.count("  static ")
        (folder / "isobit" / header.name).write_text(changed, encoding="utf-8")
    assert loops > 20 and states > 50
    return folder


@pytest.mark.parametrize("source", list(PROGRAMS))
def test_a_frame_begins_as_the_one_ahead_ends(source: str, headers: Path, compile_program: Any) -> None:
    cases = PROGRAMS[source][::3]
    result = compile_program(source, "native", "g++", cases, (), headers).run()
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    assert result.stdout.startswith(f"configurations {len(cases)} ")
