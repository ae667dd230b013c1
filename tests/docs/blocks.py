"""Running the code blocks of a Markdown page, in order, in one folder.

* ``python`` blocks run in one namespace per page;
* ``python file=NAME`` blocks are written to a file;
* ``console`` blocks hold ``$ isobit ...`` commands, each followed by lines that must appear in its output in this
  order. ``...`` stands for any lines, ``…`` for any text within a line, ``# exit N`` behind a command for its status
  when it is not 0. Of the rows of a csim table the times are not compared.

Other blocks (``text``, ``sh``, ``cpp``) are not run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.runner import isobit

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"\$ isobit (.*?)(?:\s+# exit (\d+))?")
_TIMED = re.compile(r"(faithful|native|checked)( +[\d,]+){3}")


@dataclass(frozen=True)
class Block:
    """A fenced block: its info string, its text and the line it starts at."""

    info: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        yield Block(match[1].strip(), match[2], text.count("\n", 0, match.start()) + 1)


def run_page(page: Path) -> int:
    """Run a page's blocks in the working folder; returns how many ran."""
    namespace: dict[str, Any] = {"__name__": page.stem}
    count = 0
    for block in blocks(page):
        if block.info.startswith("python file="):
            Path(block.info.removeprefix("python file=")).write_text(block.text, encoding="utf-8")
        elif block.info == "python":
            code = compile("\n" * block.line + block.text, str(page), "exec")
            exec(code, namespace)
        elif block.info == "console":
            run_console(block.text)
        else:
            continue
        count += 1
    return count


def run_console(text: str) -> None:
    """Run the commands of a console block and compare what they print."""
    for part in re.split(r"^(?=\$ )", text, flags=re.MULTILINE):
        if part.strip():
            command, _, expected = part.partition("\n")
            _run(command, expected.splitlines())


def _run(command: str, expected: list[str]) -> None:
    match = _COMMAND.fullmatch(command)
    assert match is not None, f"not an isobit command: {command}"
    done = isobit(*shlex.split(match[1]))
    assert done.status == int(match[2] or 0), (command, done)
    rest = iter((done.out + done.err).splitlines())
    for line in expected:
        if line.strip() in ("", "..."):
            continue
        assert any(_same(line, printed) for printed in rest), (
            f"{command}\ndid not print, in this place:\n{line}\n{done}"
        )


def _same(expected: str, printed: str) -> bool:
    timed = _TIMED.match(expected)
    if timed:
        return printed.startswith(timed[0])
    pattern = ".*".join(re.escape(part) for part in expected.rstrip().split("…"))
    return re.fullmatch(pattern, printed.rstrip()) is not None
