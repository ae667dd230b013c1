"""The oracles are worth something: a fault in importer, passes, emitter or templates is caught, and by whom is known.

The list is ``faults.toml``; most of it runs with the slow tests.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.oracles.judge import PACKAGE, ROOT, Fault, judge_all, replaced
from tests.oracles.nets import NETS

FAULTS = [Fault(**entry) for entry in tomllib.loads((Path(__file__).parent / "faults.toml").read_text())["fault"]]
VERDICTS = {"exact arithmetic", "onnxruntime", "qonnx", "proofs", "lint", "C++ = graph", "refused"}


def missed(faults: list[Fault]) -> dict[str, object]:
    """The faults that the verdict named in the list did not catch, and what each of the others said."""
    found = judge_all(faults)
    assert list(found) == [fault.name for fault in faults]
    return {fault.name: found[fault.name] for fault in faults if fault.caught not in found[fault.name]}


def test_a_dozen_faults_are_caught_by_name() -> None:
    fast = [fault for fault in FAULTS if fault.fast]
    assert len(fast) >= 12
    assert missed(fast) == {}


@pytest.mark.slow
def test_every_fault_of_the_list_is_caught_by_name() -> None:
    assert missed([fault for fault in FAULTS if not fault.fast]) == {}


def test_without_a_fault_nobody_says_a_word() -> None:
    """A verdict that always complains would catch everything."""
    harmless = [
        Fault(f"none in {net}", "version.py", "__version__ =", "__version__  =", net, "") for net in sorted(NETS)
    ]
    assert judge_all(harmless) == {fault.name: {} for fault in harmless}


def test_the_list_is_sound() -> None:
    """Every line is in its file exactly once, every verdict is one of those there are, no name twice."""
    assert len(FAULTS) >= 42 and len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert {fault.caught for fault in FAULTS} <= VERDICTS and {fault.net for fault in FAULTS} <= set(NETS)
    for fault in FAULTS:
        folder = ROOT / "templates" / "hls" if not fault.module else PACKAGE
        path = folder / fault.file.removeprefix("templates/")
        assert replaced(path.read_text(encoding="utf-8"), fault)
