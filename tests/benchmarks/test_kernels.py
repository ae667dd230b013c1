"""benchmarks/kernels.py: a short run of its table."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest

from tests.cli.runner import ROOT


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    module = importlib.import_module("kernels")
    monkeypatch.setattr(module, "DRAWS", 2)
    monkeypatch.setattr(module, "SAMPLES", 4)
    return module


def test_every_operator_that_is_read_has_a_row(kernels: Any) -> None:
    from isobit.frontend.tflite.importer import _OPERATORS

    named = {case.split(",")[0].split(" ")[0] for case in kernels.CASES}
    beside = {"DEQUANTIZE", "SOFTMAX", "LOG_SOFTMAX", "PADV2"}  # the host's; as PAD
    assert named == set(_OPERATORS) - beside


def test_the_reference_kernels_are_followed_but_for_sums(kernels: Any) -> None:
    assert kernels._row("ADD", kernels.CASES["ADD"], None)[:3] == ["ADD", "2,048", "0"]
    assert kernels._row("SPLIT_V", kernels.CASES["SPLIT_V"], None)[2:] == ["0", "0", "0", "–"]
    assert kernels._row("SUM", kernels.CASES["SUM"], None)[2] != "0"
    assert kernels._shown(None) == "refused" and kernels._shown([0, 3, 1]) == "2, up to 3"
