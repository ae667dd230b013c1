"""Every quantiser's file through isobit, as the page docs/files.md.

``python benchmarks/quantisers/table.py`` makes one virtual environment per tool of ``tools.toml`` under
``--environments`` (gigabytes, once), lets each tool write its files under ``--files`` and judges every file.
``--no-make`` takes the files that are there; ``--only TEXT`` takes tools whose name contains it. The exit status is 1
when C++ and graph, or graph and source, differ anywhere: a refusal is a row, and so is a runtime of the tool with other
integers.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tomllib
import venv
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "compiler"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from facts import facts
from judged import Row, judge
from page import Entry, page

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "files.md"


def main() -> int:
    """Make the files, judge them, write the page."""
    options = _parser().parse_args()
    warnings.filterwarnings("ignore")
    tools: dict[str, Any] = tomllib.loads((HERE / "tools.toml").read_text(encoding="utf-8"))
    chosen = {name: tool for name, tool in tools.items() if options.only in name}
    if options.make:
        for name, tool in chosen.items():
            _make(options.environments / name, tool, options.files / name)
    entries = [entry for name in chosen for entry in _judged(options.files / name, name, options.csim)]
    options.write.write_text(page(entries, options.csim), encoding="utf-8", newline="\n")
    return int(any(e.row is not None and not e.row.refusal and not e.row.equal for e in entries))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--files", type=Path, default=Path("quantiser-files"), help="folder for the tools' files")
    parser.add_argument("--environments", type=Path, default=Path("quantiser-environments"), metavar="DIR")
    parser.add_argument("--no-make", dest="make", action="store_false", help="judge the files that are there")
    parser.add_argument("--no-csim", dest="csim", action="store_false", help="compare graph and source alone, no C++")
    parser.add_argument("--only", default="", metavar="TEXT", help="only tools whose name contains TEXT")
    parser.add_argument("--write", type=Path, default=PAGE, metavar="FILE", help="the page (docs/files.md)")
    return parser


def _make(environment: Path, tool: dict[str, Any], out: Path) -> None:
    """The tool's environment, and its script run in it; what it can't do it leaves as a row."""
    python = environment / "bin" / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
        for package in tool["packages"]:
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
            subprocess.run(pip, check=True)
    out.mkdir(parents=True, exist_ok=True)
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    subprocess.run([python.absolute(), HERE / tool["script"], out.absolute()], check=True, env=quiet)


def _judged(folder: Path, tool: str, simulated: bool) -> list[Entry]:
    """Every file of one tool, in the order of mode and network."""
    entries = []
    for record in sorted(folder.glob("*/meta.json")):
        said = json.loads(record.read_text(encoding="utf-8"))
        model = record.with_name(said.get("file", "-"))
        row: Row | None = judge(model, simulated) if model.exists() else None
        print(record.parent.name, "not made" if row is None else row.refusal or row.equal, file=sys.stderr, flush=True)
        entries.append(Entry(tool, said, row, facts(model) if model.exists() else None))
    return sorted(entries, key=lambda e: (e.said["mode"], e.said["network"] != "mlp"))


if __name__ == "__main__":
    sys.exit(main())
