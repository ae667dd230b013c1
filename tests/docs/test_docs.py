"""The documentation is true: its code runs, its lists are complete, its links lead somewhere."""

from __future__ import annotations

import inspect
import re
import shutil
from pathlib import Path

import pytest
from typer.main import get_command

import isobit as isobit_package
from isobit import demo
from isobit.cli.main import app
from isobit.errors import CODES
from isobit.hardware import board_names
from isobit.ir import OPS
from tests.cli.runner import ROOT
from tests.docs.blocks import blocks, run_console, run_page
from tests.docs.generate import generated, pages

DOCS = ROOT / "docs"
GUIDE = ROOT / "CONTRIBUTING.md"
PAGES = sorted([ROOT / "README.md", GUIDE, *DOCS.rglob("*.md"), *(ROOT / "examples").glob("*/README.md")])
EXECUTED = [p for p in PAGES if any(b.info in ("python", "console") for b in blocks(p)) and "examples" not in p.parts]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", EXECUTED, ids=name_of)
def test_code_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(demo.MODEL, "model.onnx")
    shutil.copy(demo.SAMPLES, "samples.npz")
    assert run_page(page) > 0


@pytest.mark.parametrize(
    "text",
    [
        "$ isobit boards\nboard that is not there\n",
        "$ isobit boards  # exit 3\n",
        "$ isobit boards\nzcu104 …\nkv260 …\n",
    ],
)
def test_a_block_that_is_wrong_is_noticed(text: str) -> None:
    with pytest.raises(AssertionError):
        run_console(text)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_every_file_that_the_guide_names_is_there() -> None:
    named = set(re.findall(r"`([\w.-]+/[\w./-]*)`", GUIDE.read_text(encoding="utf-8"))) - {"tests/"}
    assert len(named) > 30
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]


def test_the_api_table_names_every_argument() -> None:
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    for name in ("compile", "csim"):
        row = re.search(rf"`isobit\.{name}\(([^)]*)\)", text)
        parameters = list(inspect.signature(getattr(isobit_package, name)).parameters)
        assert row is not None and re.findall(r"(\w+)(?:=\w+)?(?:, |$)", row[1]) == parameters


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_generated_parts_are_up_to_date(page: Path) -> None:
    assert generated(page) == page.read_text(encoding="utf-8"), "python -m tests.docs.generate"


def test_every_error_code_has_cause_and_remedy() -> None:
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (E\d{3}) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    assert {code: meaning for code, meaning, _, _ in rows} == CODES
    assert all(len(cause) > 15 and len(remedy) > 10 for _, _, cause, remedy in rows)


def test_every_command_and_option_is_documented() -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## isobit ([\w-]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert set(sections) == set(commands)
    for name, command in commands.items():
        shown = set(re.findall(r"^\| `([^`]+)`", sections[name], re.MULTILINE))
        options = {o for p in command.params if p.param_type_name == "option" for o in p.opts if o.startswith("--")}
        assert {re.match(r"--[\w-]+", s)[0] for s in shown if s.startswith("--")} == options - {"--help"}  # type: ignore[index]


def test_every_operation_is_defined() -> None:
    text = (DOCS / "graph.md").read_text(encoding="utf-8")
    assert re.findall(r"^### `(\w+)`", text, re.MULTILINE) == list(OPS)


def test_every_board_is_listed() -> None:
    text = (DOCS / "boards.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE) == board_names()


def test_every_page_is_reachable_from_the_index() -> None:
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    assert all(f"({page.name})" in text for page in DOCS.glob("*.md") if page.name != "index.md")
