"""Packed products in C++: every triple of operands, and the matrix units at foldings with and without a partner."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from isobit.numerics.packing import Operand, packing, shares_weight

E1, E2 = (25, 18), (27, 18)
BYTE, UBYTE, HALF = Operand(8, True), Operand(8, False), Operand(4, False)


def text(x: Operand) -> str:
    return f"ap_{'' if x.signed else 'u'}int<{x.bits}>"


def every_case(own: Operand, shared: Operand, ports: tuple[int, int]) -> str:
    found = packing(own, shared, ports, 1)
    assert found is not None
    return f"run_every<{text(own)}, {text(shared)}, {found.shift}>();"


def sum_cases() -> list[str]:
    """The longest chain, and sums that are no whole number of chains."""
    cases = []
    for own, shared, ports in product((BYTE, UBYTE, Operand(5, True)), (BYTE, UBYTE, Operand(10, True)), (E1, E2)):
        found = packing(own, shared, ports, 1 << 16)
        if found is not None:
            chains = {found.chain, min(found.chain, 3), 1}
            sizes = (1, 4, found.chain if found.chain < 40 else 7)
            cases += [
                f"run_sums<{text(own)}, {text(shared)}, {found.shift}, {c}, {n}>();" for c in chains for n in sizes
            ]
    return sorted(set(cases))


def matrix_cases() -> list[str]:
    """Odd and even PE and samples; chains that divide SIMD and that do not."""
    cases = []
    kinds = (BYTE, BYTE), (UBYTE, BYTE), (BYTE, Operand(6, False)), (HALF, Operand(4, True))
    for ports, (x, w) in product((E1, E2), kinds):
        for pe, simd in product((1, 2, 3, 6), (1, 5, 10)):
            for samples in (1, 2, 3):
                own, shared = (x, w) if shares_weight(samples, pe) else (w, x)
                found = packing(own, shared, ports, simd)
                assert found is not None
                made = f"config<10, 6, {simd}, {pe}, {text(x)}, {text(w)}, {found.shift}, {found.chain}>"
                cases.append(f"run_parallel<{made}, {samples}>();")
                if samples == 1:
                    cases.append(f"run_dense<{made} >();")
    return cases


def run(compile_program: Any, build: str, cases: list[str], *defines: str) -> int:
    """How many elements were compared."""
    result = compile_program("packed.cpp", build, "g++", cases, defines).run()
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    assert result.stdout.startswith(f"configurations {len(cases)} ")
    return int(result.stdout.split()[3])


@pytest.mark.parametrize(
    ("own", "shared"), [(BYTE, BYTE), (BYTE, UBYTE), pytest.param(UBYTE, BYTE, marks=pytest.mark.slow)]
)  # fmt: skip
def test_every_pair_of_bytes(compile_program: Any, own: Operand, shared: Operand) -> None:
    """All 2^24 triples on either kind of DSP48, in the build that stops where a bit would be lost."""
    assert run(compile_program, "checked", [every_case(own, shared, ports) for ports in (E1, E2)]) == 2 * 2 << 24


@pytest.mark.parametrize(("build", "defines"), [("faithful", ()), ("checked", ("__SYNTHESIS__",))])
def test_small_operands(compile_program: Any, build: str, defines: tuple[str, ...]) -> None:
    kinds = [Operand(bits, signed) for bits in (2, 4) for signed in (False, True)]
    run(compile_program, build, [every_case(a, x, E1) for a, x in product(kinds, kinds)], *defines)


@pytest.mark.parametrize(("build", "stride"), [("checked", 1), ("faithful", 3), ("native", 3)])
def test_sums(compile_program: Any, build: str, stride: int) -> None:
    run(compile_program, build, sum_cases()[::stride])


@pytest.mark.parametrize(("build", "stride"), [("checked", 8), ("faithful", 29), ("native", 13)])
def test_matrix_units(compile_program: Any, build: str, stride: int) -> None:
    run(compile_program, build, matrix_cases()[::stride])
