"""What the tests of containers say about outcomes."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.runner import Outcome


def verdict(done: Outcome) -> dict[str, Any]:
    """A verdict without its seconds."""
    content: dict[str, Any] = json.loads(done.out)
    for run in content["runs"]:
        del run["seconds"], run["compile_seconds"]
    return content


def refused(done: Outcome, code: str, *parts: str, status: int = 2) -> None:
    """The command ended with ``status`` and a message of ``code`` that holds the ``parts``."""
    assert (done.status, done.err[:6]) == (status, f"{code}: "), done
    assert all(part in done.err for part in parts), done.err


def endless(top: str) -> str:
    """A small model's top function that never ends."""
    return top.replace('  ISOBIT_TAP("Quant_5"', '  for (volatile int i = 0;; i = 1) {}\n  ISOBIT_TAP("Quant_5"')
