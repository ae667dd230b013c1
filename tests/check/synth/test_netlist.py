"""Counts and depth of mapped netlists, written by hand as Yosys writes them."""

from __future__ import annotations

from typing import Any

import pytest

from isobit.check.synth.netlist import Counts, counts
from isobit.errors import IsobitError


def cell(kind: str, parameters: dict[str, str] | None = None, **pins: list[Any]) -> dict[str, Any]:
    outputs = {"O", "CO", "Q", "P", "DOA"}
    ways = {name: "output" if name in outputs else "input" for name in pins}
    return {"type": kind, "parameters": parameters or {}, "port_directions": ways, "connections": pins}


def netlist(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"modules": {"part$top.i0": {"cells": {f"c{i}": c for i, c in enumerate(cells)}}}}


def test_cells_are_counted_as_what_they_occupy() -> None:
    made = netlist(
        cell("LUT2", I0=[2], I1=[3], O=[4]), cell("LUT6", O=[5]), cell("SRL16E", D=[2], A0=[3], Q=[6]),
        cell("RAM64M", ADDRA=[2], DOA=[7]), cell("FDRE", D=[4], Q=[8]), cell("INV", I=[2], O=[9]),
        cell("RAMB18E1"), cell("RAMB36E1"), cell("DSP48E1", {"PREG": "1"}, A=[2], P=[10]), cell("$scopeinfo"),
    )  # fmt: skip
    found = counts(made, "part")
    assert found == Counts(lut=2 + 1 + 4, ff=1, dsp=1, bram18=3, depth=1)
    assert found.bram36 == 1.5


def test_a_netlist_without_the_module_is_refused() -> None:
    with pytest.raises(IsobitError, match="E618"):
        counts(netlist(), "other")


def test_depth_is_the_longest_way_between_registers() -> None:
    """Two LUTs, a chain of two carry cells entered once, a LUT behind it: four levels; registers end a way."""
    made = netlist(
        cell("FDRE", D=[30], Q=[2]),
        cell("LUT1", I0=[2], O=[3]),
        cell("LUT1", I0=[3], O=[4]),
        cell("CARRY4", CI=["0"], CYINIT=["0"], S=[4, 5], DI=["0", "0"], O=[10, 11], CO=[12, 13]),
        cell("CARRY4", CI=[13], CYINIT=["0"], S=[6, 7], DI=["0", "0"], O=[14, 15], CO=[16, 17]),
        cell("LUT1", I0=[15], O=[30]),
    )
    assert counts(made, "part").depth == 4


def test_a_sum_does_not_follow_from_the_bits_above_it() -> None:
    """The low sum goes back into the high bit's selection: a way, and no loop."""
    made = netlist(
        cell("LUT1", I0=[10], O=[5]),
        cell("CARRY4", CI=["0"], CYINIT=["0"], S=[4, 5], DI=["0", "0"], O=[10, 11], CO=[12, 13]),
    )
    assert counts(made, "part").depth == 3


def test_a_dsp_block_without_registers_is_a_level() -> None:
    for registers, depth in (("0", 2), ("1", 1)):
        dsp = cell("DSP48E1", {"AREG": "0", "PREG": registers}, A=[3], B=[], P=[4])
        made = netlist(cell("LUT1", I0=[2], O=[3]), dsp)
        assert counts(made, "part").depth == depth


def test_memories_are_read_within_the_clock_at_their_address_only() -> None:
    made = netlist(
        cell("LUT1", I0=[2], O=[3]), cell("LUT1", I0=[3], O=[4]),
        cell("SRL16E", D=[4], A0=[2], A1=["0"], CE=["1"], CLK=[1], Q=[6]),
    )  # fmt: skip
    assert counts(made, "part").depth == 2


def test_what_is_not_known_is_not_left_out() -> None:
    with pytest.raises(IsobitError, match=r"E901.*FLUX"):
        counts(netlist(cell("FLUX")), "part")


def test_a_loop_is_an_error() -> None:
    with pytest.raises(IsobitError, match=r"E901.*loop"):
        counts(netlist(cell("LUT1", I0=[3], O=[2]), cell("LUT1", I0=[2], O=[3])), "part")
