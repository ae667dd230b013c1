"""Rounding shifts and products with ties to even are what their definitions say; constants beyond 64 bits too."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

MODES = ("ROUND", "HALF_UP", "HALF_DOWN", "CEIL", "FLOOR", "UP", "DOWN")
BUILDS = [("faithful", "g++"), ("checked", "g++"), ("native", "clang++")]


def cases() -> list[str]:
    """All modes at small, middle and vanishing shifts; operand types, clamps and foldings take turns."""
    made = []
    for n, (mode, shift) in enumerate(product(MODES, (1, 3, 6, 40))):
        operand, clamp = ("ap_int<7>", "ap_uint<7>")[n % 2], str(n % 3 == 0).lower()
        config = f"round_config<{shift}, isobit::{mode}, {clamp}, {operand}, {(1, 2, 4)[n % 3]}>"
        made.append(f"run_round_shift<{config} >();")
    for n, (pe, operand) in enumerate(product((1, 2, 4), ("ap_int<7>", "ap_uint<7>"))):
        made.append(f"run_half_even<even_config<{str(n % 2 == 0).lower()}, {operand}, {pe}> >();")
    return [*made, *(f"run_wide<wide_config<{bits}> >();" for bits in (66, 81, 110))]


@pytest.mark.parametrize(("build", "cxx"), BUILDS)
def test_rounding_equals_its_definition(compile_program: Any, build: str, cxx: str) -> None:
    result = compile_program("rounding.cpp", build, cxx, cases()).run()
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    assert result.stdout.startswith(f"configurations {len(cases())} ")
