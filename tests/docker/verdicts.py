"""What the tests of containers say about outcomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.runner import Outcome

ROOT = Path(__file__).parents[2]


def verdict(done: Outcome) -> dict[str, Any]:
    """A verdict without its seconds."""
    content: dict[str, Any] = json.loads(done.out)
    for run in content["runs"]:
        del run["seconds"], run["compile_seconds"]
    return content


def oracles_apart(record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A verdict or a ``csim.json`` whose evaluators have no versions, and the versions by name.

    The image pins them, the machine around it has those of its own environment: their releases must not make two equal
    verdicts differ."""
    apart: dict[str, Any] = json.loads(json.dumps(record))
    versions = {o["name"]: o.pop("version") for o in apart["source"]["oracles"]}
    for ends in filter(None, (run.get("ends") for run in (apart, apart["source"]))):
        ends["oracle"] = ends["oracle"].split()[0]
    return apart, versions


def pinned_in_the_image() -> dict[str, str]:
    """The version of every Python package of the image."""
    text = (ROOT / "docker" / "csim" / "requirements.txt").read_text(encoding="utf-8")
    return {name: version for name, _, version in (line.partition("==") for line in text.splitlines()) if version}


def refused(done: Outcome, code: str, *parts: str, status: int = 2) -> None:
    """The command ended with ``status`` and a message of ``code`` that holds the ``parts``."""
    assert (done.status, done.err[:6]) == (status, f"{code}: "), done
    assert all(part in done.err for part in parts), done.err


def endless(top: str) -> str:
    """A small model's top function that never ends."""
    return top.replace('  ISOBIT_TAP("Quant_5"', '  for (volatile int i = 0;; i = 1) {}\n  ISOBIT_TAP("Quant_5"')
