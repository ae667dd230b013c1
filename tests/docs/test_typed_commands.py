"""What the documentation tells a user to type: parsed by the command line's own parser, found among the targets."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from isobit.cli.main import app
from isobit.cli.words import shapes_joined
from tests.cli.runner import ROOT
from tests.docs.blocks import blocks

PAGES = sorted([
    ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md"),
    *(ROOT / "examples").glob("*/README.md"),
])  # fmt: skip
MAKEFILES = [ROOT / "Makefile", *(ROOT / "templates").rglob("Makefile*")]
GROUP: Any = get_command(app)


def typed(page: Path) -> list[str]:
    """Code spans of the prose and lines of the blocks that a shell takes."""
    text = page.read_text(encoding="utf-8")
    lines = [line.removeprefix("$ ") for block in blocks(page) if block.info in ("console", "sh", "text", "")
             for line in block.text.splitlines()]  # fmt: skip
    prose = re.sub(r"```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    lines += [line.strip() for line in prose.splitlines() if line.startswith("    ")]
    return lines + [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def wrong_with(command: str) -> str:
    """What the parser refuses of ``isobit ...``; "" where nothing is wrong but arguments that a fragment leaves out."""
    words = shlex.split(command.replace("\\|", "|").partition("|")[0], comments=True)[1:]
    words = [word for word in words if word != "..." and not word.startswith("[")]
    found: Any = GROUP
    while words and hasattr(found, "commands") and not words[0].startswith("-") and words[0] != "COMMAND":
        if words[0] not in found.commands:
            return f"no command {words[0]}"
        found = found.commands[words.pop(0)]
    if hasattr(found, "commands"):
        return ""
    try:
        found.make_context(found.name, shapes_joined(words))
    except Exception as error:  # typer brings a parser of its own: its errors are known by name
        if type(error).__name__ in ("MissingParameter", "Exit"):
            return ""
        return f"{type(error).__name__}: {getattr(error, 'message', error)}"
    return ""


def commands() -> list[tuple[str, str]]:
    found = [(page.name, text) for page in PAGES for text in typed(page)]
    return [(page, text) for page, text in found if re.match(r"isobit (--)?[a-z][a-z0-9-]*( |$)", text)]


def test_every_isobit_command_is_one() -> None:
    found = {(page, text): wrong_with(text) for page, text in commands() if not text.startswith("isobit graph 1")}
    assert len(found) > 150
    assert not {key: why for key, why in found.items() if why}


@pytest.mark.parametrize(
    "text",
    ["isobit comple m.onnx -o b", "isobit compile m.onnx --targetfps 3", "isobit csim b -n none", "isobit finn go"],
)
def test_a_wrong_command_is_noticed(text: str) -> None:
    assert wrong_with(text)


def test_every_make_target_is_one() -> None:
    targets = {t for file in MAKEFILES for t in re.findall(r"^([a-z][\w-]*)\s*:(?!=)", file.read_text(), re.MULTILINE)}
    named = {(page.name, m) for page in PAGES for text in typed(page) for m in re.findall(r"^make ([a-z][\w-]*)", text)}
    assert len(named) > 10 and not {(page, target) for page, target in named if target not in targets}


def test_every_script_and_extra_is_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    texts = [(page.name, text) for page in PAGES for text in typed(page)]
    scripts = {m for _, text in texts for m in re.findall(r"^(?:\$ )?python ((?:examples|benchmarks)/\S+\.py)", text)}
    modules = {m for _, text in texts for m in re.findall(r"^python -m (tests\.[\w.]+)", text)}
    wanted = {e for _, text in texts for m in re.findall(r"pip install.*?\[([\w,]+)\]", text) for e in m.split(",")}
    assert len(scripts) > 15 and not {s for s in scripts if not (ROOT / s).is_file()}
    assert modules and not {m for m in modules if not (ROOT / f"{m.replace('.', '/')}.py").is_file()}
    assert wanted and not wanted - set(extras)
