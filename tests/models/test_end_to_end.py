"""Whole networks from Brevitas through both export paths to C simulation: not one integer differs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from models.brevitas_nets import CASES, FAST_CASES, Net

import isobit
from isobit.errors import DoesNotFit

BIG_BOARD = "alveo-u250"
Exporter = Literal["torchscript", "dynamo"]


def check(net: Net, exporter: Exporter, folder: Path, outputs: int) -> None:
    """Compile and simulate, for a larger board where the usual one is too small; both verdicts, nothing left out."""
    module = net.build()
    try:
        build = isobit.compile(module, folder, input_shape=net.sizes[:1], exporter=exporter)
    except DoesNotFit:
        build = isobit.compile(module, folder, input_shape=net.sizes[:1], exporter=exporter, board=BIG_BOARD)
    result = isobit.csim(build, vectors=-(-outputs // net.sizes[-1]))

    assert result.mismatch is None, str(result.mismatch)
    assert [(run.flavour, run.mismatches) for run in result.runs] == [("faithful", 0), ("native", 0)]
    assert result.runs[1].outputs >= outputs
    assert result.source is not None
    assert result.source.exact_mismatches == 0, result.source.note
    assert result.source.exact_outputs > 0
    assert result.source.float_integers > 0
    assert result.source.unexplained == ()
    assert result.equal


def both_exporters() -> Iterator[object]:
    """Every small network by either exporter; by the fast tests each by one of them, in turn."""
    for number, net in enumerate(FAST_CASES):
        for turn, exporter in enumerate(("torchscript", "dynamo")):
            marks = () if number % 2 == turn else pytest.mark.slow
            yield pytest.param(net, exporter, marks=marks, id=f"{net.name}-{exporter}")


@pytest.mark.parametrize(("net", "exporter"), both_exporters())
def test_a_small_network_is_exact(net: Net, exporter: Exporter, tmp_path: Path) -> None:
    check(net, exporter, tmp_path / "build", outputs=5_000)


@pytest.mark.slow
@pytest.mark.parametrize("exporter", ["torchscript", "dynamo"])
@pytest.mark.parametrize("net", CASES, ids=lambda net: net.name)
def test_a_network_is_exact(net: Net, exporter: Exporter, tmp_path: Path) -> None:
    check(net, exporter, tmp_path / "build", outputs=20_000)


@pytest.mark.parametrize("exporter", ["torchscript", "dynamo"])
def test_a_module_that_returns_a_quant_tensor_has_one_output(exporter: Exporter, tmp_path: Path) -> None:
    net = Net("returns_quant_tensor", (4, 3), 4, 4, batchnorm=False, bias="int")
    build = isobit.compile(net.build(), tmp_path / "build", input_shape=(4,), exporter=exporter)
    assert [port.outside for port in build.ports if not port.is_input] == ["output"]
