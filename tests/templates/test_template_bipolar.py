"""Weights of one bit in C++: every weight and input of a few, and the matrix units at their foldings."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

INPUTS = ("ap_uint<1>", "ap_int<2>", "ap_uint<2>")
WIDE = (*INPUTS, "ap_int<8>", "ap_uint<8>")


def cases() -> list[str]:
    """Sums of one to seven terms; PE and SIMD that are multiples of three and that are not."""
    made = [f"run_every<{x}, {n}>();" for x in INPUTS for n in ((1, 2, 3, 4, 7) if x == "ap_uint<1>" else (1, 3, 4))]
    for x, pe, simd in product(WIDE, (1, 2, 6), (1, 5, 10)):
        unit = f"config<10, 6, {simd}, {pe}, {x} >"
        made.append(f"run_dense<{unit} >();")
        made += [f"run_parallel<{unit}, {samples}>();" for samples in (1, 3)]
    return made


@pytest.mark.parametrize(("build", "stride"), [("checked", 2), ("faithful", 9), ("native", 7)])
def test_sums_and_matrix_units(compile_program: Any, build: str, stride: int) -> None:
    some = cases()[::stride]
    result = compile_program("bipolar.cpp", build, "g++", some, ()).run()
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    assert result.stdout.startswith(f"configurations {len(some)} ")
